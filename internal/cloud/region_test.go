package cloud

import (
	"slices"
	"testing"
)

func TestZones(t *testing.T) {
	tests := []struct {
		region string
		want   []Zone
	}{
		{"ap-northeast-1", []Zone{{"ap-northeast-1a", "apne1-az4"}, {"ap-northeast-1c", "apne1-az1"}, {"ap-northeast-1d", "apne1-az2"}}},
		{"eu-west-1", []Zone{{"eu-west-1a", "euw1-az1"}, {"eu-west-1b", "euw1-az2"}, {"eu-west-1c", "euw1-az3"}}},
		{"us-gov-east-1", []Zone{{"us-gov-east-1a", "usge1-az1"}, {"us-gov-east-1b", "usge1-az2"}, {"us-gov-east-1c", "usge1-az3"}}},
		{"nowhere", []Zone{{"nowherea", "nowhere-az1"}, {"nowhereb", "nowhere-az2"}, {"nowherec", "nowhere-az3"}}},
	}
	for _, tt := range tests {
		if got := Zones(tt.region); !slices.Equal(got, tt.want) {
			t.Errorf("Zones(%q) = %v, want %v", tt.region, got, tt.want)
		}
	}
}

func TestEveryRegionHasDistinctZones(t *testing.T) {
	seen := map[string]string{}
	for _, r := range Regions() {
		for _, z := range Zones(r) {
			for _, k := range []string{z.Name, z.ID} {
				if other, ok := seen[k]; ok {
					t.Errorf("%s is in %s and %s", k, other, r)
				}
				seen[k] = r
			}
			if got, ok := FindZone(r, z.ID); !ok || got != z {
				t.Errorf("FindZone(%q, %q) = %v, %v", r, z.ID, got, ok)
			}
		}
	}
}
