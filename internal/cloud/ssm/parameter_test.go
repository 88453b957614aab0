package ssm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

func (l *lab) find(name string) (Found, error) { return FindParameter(l.db.Snapshot(), here, name) }

func TestParameterLife(t *testing.T) {
	l := newLab(t)
	must(l, PutParameter{Name: "/a/b", Value: "one", Type: String, Description: "d", Tags: cloud.Tags{"k": "v"}})
	if _, err := try(l, PutParameter{Name: "/a/b", Value: "two"}); codeOf(err) != "ParameterAlreadyExists" {
		t.Error(err)
	}
	must(l, PutParameter{Name: "/a/b", Value: "two", Overwrite: true})
	if out := must(l, Label{Name: "/a/b", Version: 1, Labels: []string{"old", "1x", "aws-x"}}); len(out.Invalid) != 2 {
		t.Errorf("%+v", out)
	}
	for name, want := range map[string]string{"/a/b": "two", "/a/b:1": "one", "/a/b:old": "one", "arn:aws:ssm:eu-west-1:111111111111:parameter/a/b": "two"} {
		if f, err := l.find(name); err != nil || f.Version.Value != want || f.Version.Description != "d" {
			t.Errorf("%s: %+v %v", name, f, err)
		}
	}
	must(l, Label{Name: "/a/b", Labels: []string{"old"}})
	if f, err := l.find("/a/b:old"); err != nil || f.Version.Number != 2 || len(f.Parameter.Versions[0].Labels) > 0 {
		t.Errorf("the label did not move: %+v %v", f, err)
	}
	for name, code := range map[string]string{"/a/b:9": "ParameterVersionNotFound", "/a/b:new": "ParameterVersionNotFound", "/a": "ParameterNotFound",
		"arn:aws:ssm:eu-west-1:222222222222:parameter/a/b": "ParameterNotFound"} {
		if _, err := l.find(name); codeOf(err) != code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if gone := must(l, DeleteParameters{Names: []string{"/a/b", "/a/c"}}); len(gone) != 1 {
		t.Errorf("%v", gone)
	}
}

func TestSecureString(t *testing.T) {
	l := newLab(t)
	v := must(l, PutParameter{Name: "s", Value: "hush", Type: SecureString})
	if v.KeyID != "alias/aws/ssm" || v.Shown(true) != "hush" || strings.Contains(v.Shown(false), "hush") || v.Shown(false) == "" {
		t.Errorf("%+v", v)
	}
	if _, err := try(l, PutParameter{Name: "s", Value: "x", Type: String, Overwrite: true}); codeOf(err) != "HierarchyTypeMismatchException" {
		t.Error(err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	l := newLab(t)
	must(l, PutParameter{Name: "p", Value: "0", Type: String})
	for i := range maxHistory {
		must(l, PutParameter{Name: "p", Value: fmt.Sprint(i + 1), Overwrite: true})
	}
	f, err := l.find("p")
	if err != nil || len(f.Parameter.Versions) != maxHistory || f.Version.Number != maxHistory+1 {
		t.Errorf("%d versions, %v", len(f.Parameter.Versions), err)
	}
	must(l, Label{Name: "p", Version: 2, Labels: []string{"keep"}})
	if _, err := try(l, PutParameter{Name: "p", Value: "x", Overwrite: true}); codeOf(err) != "ParameterMaxVersionLimitExceeded" {
		t.Error(err)
	}
}

func TestParameterRefusals(t *testing.T) {
	good := PutParameter{Name: "/a/b", Value: "v", Type: String}
	for _, tt := range []struct {
		name   string
		change func(*PutParameter)
		code   string
	}{
		{"aws", func(c *PutParameter) { c.Name = "/aws/x" }, "AccessDeniedException"},
		{"ssm", func(c *PutParameter) { c.Name = "SSMx" }, "ValidationException"},
		{"characters", func(c *PutParameter) { c.Name = "/a b" }, "ValidationException"},
		{"not qualified", func(c *PutParameter) { c.Name = "a/b" }, "ValidationException"},
		{"deep", func(c *PutParameter) { c.Name = strings.Repeat("/a", 16) }, "HierarchyLevelLimitExceededException"},
		{"no type", func(c *PutParameter) { c.Type = "" }, "ValidationException"},
		{"no value", func(c *PutParameter) { c.Value = "" }, "ValidationException"},
		{"tags", func(c *PutParameter) { c.Overwrite, c.Tags = true, cloud.Tags{"a": "b"} }, "ValidationException"},
		{"key", func(c *PutParameter) { c.Type, c.KeyID = SecureString, "alias/mine" }, "InvalidKeyId"},
		{"pattern", func(c *PutParameter) { c.AllowedPattern = "[0-9]+" }, "ParameterPatternMismatchException"},
		{"bad pattern", func(c *PutParameter) { c.AllowedPattern = "[" }, "InvalidAllowedPatternException"},
		{"large", func(c *PutParameter) { c.Value = strings.Repeat("x", 4097) }, "ValidationException"},
		{"large, advanced", func(c *PutParameter) { c.Value, c.Tier = strings.Repeat("x", 8193), "Advanced" }, "ValidationException"},
		{"no image", func(c *PutParameter) { c.DataType = "aws:ec2:image" }, "ValidationException"},
		{"data type", func(c *PutParameter) { c.DataType = "x" }, "ValidationException"},
		{"intelligent", func(c *PutParameter) { c.Value, c.Tier = strings.Repeat("x", 4097), "Intelligent-Tiering" }, "<nil>"},
	} {
		c := good
		tt.change(&c)
		if _, err := try(newLab(t), c); codeOf(err) != tt.code {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
}

func TestPublicParameters(t *testing.T) {
	l := newLab(t)
	for name, part := range map[string]string{
		"ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64":              "al2023-ami-2023.7.20250623.1-kernel-6.1-x86_64",
		"ami-amazon-linux-latest/al2023-ami-kernel-6.12-arm64":                  "al2023-ami-2023.7.20250623.1-kernel-6.12-arm64",
		"ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-x86_64":      "al2023-ami-minimal-2023.7.20250623.1-kernel-6.1-x86_64",
		"ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-gp2":                      "amzn2-ami-hvm-2.0.20250623.0-x86_64-gp2",
		"ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-x86_64-gp2":          "amzn2-ami-kernel-5.10-hvm-2.0.20250623.0-x86_64-gp2",
		"canonical/ubuntu/server/jammy/stable/current/amd64/hvm/ebs-gp2/ami-id": "ubuntu-jammy-22.04-amd64-server-20250627",
		"canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id": "ubuntu-noble-24.04-arm64-server-20250627",
		"debian/release/12/latest/amd64":                                        "debian-12-amd64-",
	} {
		f, err := l.find("/aws/service/" + name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		i, err := compute.FindImage(l.db.Snapshot(), here, f.Version.Value)
		if err != nil || !strings.Contains(i.Name, part) {
			t.Errorf("%s: %s %v", name, i.Name, err)
		}
		if id, err := ResolveImage(l.db.Snapshot(), here, "resolve:ssm:/aws/service/"+name); err != nil || id != i.ID {
			t.Errorf("%s %v", id, err)
		}
	}
	if _, err := ResolveImage(l.db.Snapshot(), here, "resolve:ssm:/none"); codeOf(err) != "InvalidParameterValue" {
		t.Error(err)
	}
}
