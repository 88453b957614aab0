package cli

import (
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/control"
)

func TestAMIName(t *testing.T) {
	for in, want := range map[string]string{
		"debian:12": "debian-12", "registry.example.com:5000/team/web:1.2": "registry.example.com-5000/team/web-1.2", "x": "x-image", "": "-image",
		"ünï": "-n-", strings.Repeat("a", 200): strings.Repeat("a", 128),
	} {
		if got := amiName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestChooseImages(t *testing.T) {
	all := []control.Image{
		{ID: "ami-1", Name: "web", Account: "1", Region: "us-east-1"}, {ID: "ami-2", Name: "web", Account: "1", Region: "eu-west-1"},
		{ID: "ami-3", Name: "db", Account: "1"}, {ID: "ami-4", Name: "db", Account: "2"},
	}
	for want, ids := range map[string]string{"ami-2": "ami-2", "web": "ami-1 ami-2", "ami-4": "ami-4", "db": "several accounts", "none": "no AMI"} {
		found, err := chooseImages(all, want)
		var got []string
		for _, i := range found {
			got = append(got, i.ID)
		}
		if out := strings.Join(got, " "); err == nil && out != ids || err != nil && !strings.Contains(err.Error(), ids) {
			t.Errorf("%s: %s, %v; want %s", want, out, err, ids)
		}
	}
}
