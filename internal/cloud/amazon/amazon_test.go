package amazon

import (
	"slices"
	"testing"
)

func TestFind(t *testing.T) {
	for host, want := range map[string]string{
		"ec2.eu-west-1.amazonaws.com":                                 "ec2 eu-west-1 ec2.eu-west-1.amazonaws.com",
		"sts.amazonaws.com":                                           "sts us-east-1 sts.amazonaws.com",
		"sts.us-west-2.amazonaws.com":                                 "sts us-west-2 sts.us-west-2.amazonaws.com",
		"iam.amazonaws.com":                                           "iam us-east-1 iam.amazonaws.com",
		"vpce-1-abcdefgh.ec2.eu-west-1.vpce.amazonaws.com":            "ec2 eu-west-1 ec2.eu-west-1.amazonaws.com",
		"vpce-1-abcdefgh-eu-west-1a.sns.eu-west-1.vpce.amazonaws.com": "sns eu-west-1 sns.eu-west-1.amazonaws.com",
		"iam.eu-west-1.amazonaws.com":                                 "",
		"ec2.amazonaws.com":                                           "",
		"ec2.mars-1.amazonaws.com":                                    "",
		"x.ec2.eu-west-1.amazonaws.com":                               "",
		"ec2.eu-west-1.vpce.amazonaws.com":                            "",
		"s3.eu-west-1.amazonaws.com":                                  "",
		"ec2.eu-west-1.amazonaws.com.evil.example":                    "",
		"amazonaws.com":                                               "",
		".amazonaws.com":                                              "",
		"":                                                            "",
	} {
		got := ""
		if p, ok := Find(host); ok {
			got = p.Name + " " + p.Region + " " + p.Names()[0]
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", host, got, want)
		}
	}
}

func TestPublicNamesAreFound(t *testing.T) {
	names := PublicNames()
	for _, n := range names {
		if p, ok := Find(n); !ok || !slices.Contains(p.Names(), n) {
			t.Errorf("%s is not found", n)
		}
	}
	if len(names) < 100 {
		t.Errorf("only %d names", len(names))
	}
}
