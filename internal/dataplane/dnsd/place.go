package dnsd

import (
	"math"
	"strings"

	"github.com/musubi-net/musubi/internal/spec"
)

// elsewhere is where askers without a region are.
const elsewhere = "us-east-1"

// region is where an AWS region is, in degrees.
type region struct {
	spec.DNSLocation
	lat, long float64
}

// distance is how far two regions are apart, on a sphere of radius 1; the
// measured latencies of AWS are not public. A region that is not known is
// farther than any other.
func distance(a, b string) float64 {
	if a == b {
		return 0
	}
	from, to := place(a), place(b)
	if from.Continent == "" || to.Continent == "" {
		return math.Inf(1)
	}
	rad := math.Pi / 180
	cos := math.Sin(from.lat*rad)*math.Sin(to.lat*rad) + math.Cos(from.lat*rad)*math.Cos(to.lat*rad)*math.Cos((from.long-to.long)*rad)
	return math.Acos(max(-1, min(1, cos)))
}

// place is where a region is; nowhere if it is not known.
func place(name string) region {
	at := func(where string, lat, long float64) region {
		f := strings.Split(where+"//", "/")
		return region{spec.DNSLocation{Continent: f[0], Country: f[1], Subdivision: f[2]}, lat, long}
	}
	switch name {
	case "us-east-1":
		return at("NA/US/VA", 38.9, -77.4)
	case "us-east-2":
		return at("NA/US/OH", 40.0, -83.0)
	case "us-west-1":
		return at("NA/US/CA", 37.4, -122.0)
	case "us-west-2":
		return at("NA/US/OR", 45.8, -119.7)
	case "us-gov-east-1":
		return at("NA/US/OH", 40.1, -82.9)
	case "us-gov-west-1":
		return at("NA/US/OR", 45.7, -119.6)
	case "ca-central-1":
		return at("NA/CA", 45.5, -73.6)
	case "ca-west-1":
		return at("NA/CA", 51.0, -114.1)
	case "mx-central-1":
		return at("NA/MX", 20.6, -100.4)
	case "sa-east-1":
		return at("SA/BR", -23.5, -46.6)
	}
	if strings.HasPrefix(name, "eu") {
		return inEurope(name, at)
	}
	return inTheEast(name, at)
}

func inEurope(name string, at func(string, float64, float64) region) region {
	switch name {
	case "eu-west-1":
		return at("EU/IE", 53.3, -6.3)
	case "eu-west-2":
		return at("EU/GB", 51.5, -0.1)
	case "eu-west-3":
		return at("EU/FR", 48.9, 2.4)
	case "eu-central-1":
		return at("EU/DE", 50.1, 8.7)
	case "eu-central-2":
		return at("EU/CH", 47.4, 8.5)
	case "eu-north-1":
		return at("EU/SE", 59.3, 18.1)
	case "eu-south-1":
		return at("EU/IT", 45.5, 9.2)
	case "eu-south-2":
		return at("EU/ES", 41.6, -0.9)
	case "eusc-de-east-1":
		return at("EU/DE", 52.4, 13.1)
	}
	return region{}
}

// inTheEast are the regions of Asia, Oceania and Africa.
func inTheEast(name string, at func(string, float64, float64) region) region {
	switch name {
	case "ap-northeast-1":
		return at("AS/JP", 35.7, 139.7)
	case "ap-northeast-2":
		return at("AS/KR", 37.6, 127.0)
	case "ap-northeast-3":
		return at("AS/JP", 34.7, 135.5)
	case "ap-east-1":
		return at("AS/HK", 22.3, 114.2)
	case "ap-east-2":
		return at("AS/TW", 25.0, 121.5)
	case "ap-south-1":
		return at("AS/IN", 19.1, 72.9)
	case "ap-south-2":
		return at("AS/IN", 17.4, 78.5)
	case "ap-southeast-1":
		return at("AS/SG", 1.3, 103.8)
	case "ap-southeast-2":
		return at("OC/AU", -33.9, 151.2)
	case "ap-southeast-3":
		return at("AS/ID", -6.2, 106.8)
	case "ap-southeast-4":
		return at("OC/AU", -37.8, 145.0)
	case "ap-southeast-5":
		return at("AS/MY", 3.1, 101.7)
	case "ap-southeast-6":
		return at("OC/NZ", -36.8, 174.8)
	case "ap-southeast-7":
		return at("AS/TH", 13.8, 100.5)
	case "cn-north-1":
		return at("AS/CN", 39.9, 116.4)
	case "cn-northwest-1":
		return at("AS/CN", 37.5, 105.2)
	case "il-central-1":
		return at("AS/IL", 32.1, 34.8)
	case "me-central-1":
		return at("AS/AE", 24.5, 54.4)
	case "me-south-1":
		return at("AS/BH", 26.1, 50.6)
	case "af-south-1":
		return at("AF/ZA", -33.9, 18.4)
	}
	return region{}
}
