package cloud

import (
	"sort"
	"strconv"
	"strings"
)

// Zone is an availability zone: its name in the account (ap-northeast-1a) and
// the id of the physical place (apne1-az4).
type Zone struct {
	Name string
	ID   string
}

// zoneLayout lists, per region, the zones as "letter:number" pairs. A region
// with an empty layout has a, b and c with the ids az1, az2 and az3.
func zoneLayout() map[string]string {
	return map[string]string{
		"af-south-1": "", "ap-east-1": "", "ap-east-2": "",
		"ap-northeast-1": "a:4 c:1 d:2", "ap-northeast-2": "a:1 b:2 c:3 d:4", "ap-northeast-3": "a:3 b:1 c:2",
		"ap-south-1": "a:1 b:3 c:2", "ap-south-2": "",
		"ap-southeast-1": "a:1 b:2 c:3", "ap-southeast-2": "a:1 b:3 c:2", "ap-southeast-3": "",
		"ap-southeast-4": "", "ap-southeast-5": "", "ap-southeast-7": "",
		"ca-central-1": "a:1 b:2 d:4", "ca-west-1": "",
		"eu-central-1": "a:2 b:3 c:1", "eu-central-2": "", "eu-north-1": "", "eu-south-1": "", "eu-south-2": "",
		"eu-west-1": "", "eu-west-2": "a:2 b:3 c:1", "eu-west-3": "",
		"il-central-1": "", "me-central-1": "", "me-south-1": "", "mx-central-1": "", "sa-east-1": "",
		"us-east-1": "a:1 b:2 c:4 d:6 e:3 f:5", "us-east-2": "",
		"us-west-1": "a:1 c:3", "us-west-2": "a:2 b:1 c:3 d:4",
	}
}

// Regions lists AWS's public regions in order of their names.
func Regions() []string {
	layout := zoneLayout()
	names := make([]string, 0, len(layout))
	for name := range layout {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// OptInRequired reports whether AWS accounts have to enable that region first.
func OptInRequired(region string) bool {
	switch region {
	case "af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
		"ap-southeast-7", "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1",
		"me-south-1", "mx-central-1":
		return true
	}
	return false
}

// Zones lists the availability zones of a region in order of their names. A
// region that is not known has the zones a, b and c, numbered az1 to az3.
func Zones(region string) []Zone {
	layout := zoneLayout()[region]
	if layout == "" {
		layout = "a:1 b:2 c:3"
	}
	var zones []Zone
	for pair := range strings.FieldsSeq(layout) {
		letter, number, _ := strings.Cut(pair, ":")
		zones = append(zones, Zone{Name: region + letter, ID: regionAbbreviation(region) + "-az" + number})
	}
	return zones
}

// FindZone returns the region's zone with that name or id.
func FindZone(region, nameOrID string) (Zone, bool) {
	for _, z := range Zones(region) {
		if z.Name == nameOrID || z.ID == nameOrID {
			return z, true
		}
	}
	return Zone{}, false
}

// regionAbbreviation is the region's part of a zone id: ap-northeast-1 is apne1.
func regionAbbreviation(region string) string {
	parts := strings.Split(region, "-")
	var b strings.Builder
	b.WriteString(parts[0])
	for _, p := range parts[1:] {
		b.WriteString(directionAbbreviation(p))
	}
	return b.String()
}

func directionAbbreviation(word string) string {
	if _, err := strconv.Atoi(word); err == nil || word == "" {
		return word
	}
	for _, ns := range []string{"north", "south"} {
		if rest, ok := strings.CutPrefix(word, ns); ok && (rest == "east" || rest == "west") {
			return ns[:1] + rest[:1]
		}
	}
	return word[:1]
}
