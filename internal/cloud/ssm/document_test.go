package ssm

import (
	"slices"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
)

func TestDocumentLife(t *testing.T) {
	l := newLab(t)
	const first = "schemaVersion: '2.2'\nparameters:\n  b: {type: String, default: x}\n  a: {type: String, default: y}\nmainSteps:\n- {name: s, action: aws:runShellScript, inputs: {runCommand: [date]}}\n"
	d := must(l, CreateDocument{Name: "doc", Format: "YAML", Content: first, Tags: cloud.Tags{"a": "b"}})
	if d.Type != TypeCommand || d.DefaultVersion != 1 || d.Owner() != here.Account {
		t.Errorf("%+v", d)
	}
	v, err := d.Version("")
	info := v.Info()
	if err != nil || !slices.Equal(info.Order(), []string{"a", "b"}) {
		t.Errorf("%v %v", info.Order(), err)
	}
	if text, err := v.In("JSON"); err != nil || !strings.HasPrefix(text, "{") {
		t.Errorf("%s %v", text, err)
	}
	if _, err := try(l, UpdateDocument{Name: "doc", Content: first, Version: "$LATEST"}); codeOf(err) != "DuplicateDocumentContent" {
		t.Error(err)
	}
	d = must(l, UpdateDocument{Name: "doc", Content: strings.Replace(first, "date", "id", 1), Version: "1"})
	if d.DefaultVersion != 1 || d.Latest().Number != 2 {
		t.Errorf("%+v", d)
	}
	if _, err := try(l, UpdateDocument{Name: "doc", Content: first + " ", Version: "1"}); codeOf(err) != "InvalidDocumentVersion" {
		t.Error(err)
	}
	if d = must(l, SetDefaultVersion{Name: "doc", Version: "2"}); d.DefaultVersion != 2 {
		t.Errorf("%+v", d)
	}
	must(l, Tag{Type: "Document", ID: "doc", Set: cloud.Tags{"c": "d"}, Drop: []string{"a"}})
	if tags, err := TagsOf(l.db.Snapshot(), here, "Document", "doc"); err != nil || len(tags) != 1 || tags["c"] != "d" {
		t.Errorf("%v %v", tags, err)
	}
	if _, err := try(l, CreateDocument{Name: "doc", Format: "YAML", Content: first}); codeOf(err) != "DocumentAlreadyExists" {
		t.Error(err)
	}
	if _, err := try(l, DeleteDocument{Name: "AWS-StartSSHSession"}); codeOf(err) != "AccessDeniedException" {
		t.Error(err)
	}
	must(l, DeleteDocument{Name: "doc"})
	if _, err := FindDocument(l.db.Snapshot(), here, "doc"); codeOf(err) != "InvalidDocument" {
		t.Error(err)
	}
}

func TestBuiltinsAreRight(t *testing.T) {
	for _, d := range builtins() {
		c, err := Parse("JSON", d.Latest().Content)
		if err == nil {
			err = c.check(d.Type)
		}
		if err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
		v := d.Latest()
		text, err := v.In("YAML")
		if err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
		if _, err := Parse("YAML", text); err != nil {
			t.Errorf("%s as YAML: %v\n%s", d.Name, err, text)
		}
	}
}

func TestDocumentRefusals(t *testing.T) {
	session := func(inputs string) CreateDocument {
		return CreateDocument{Name: "doc", Type: TypeSession, Content: `{"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {` + inputs + `}}`}
	}
	step := func(step string) CreateDocument {
		return CreateDocument{Name: "doc", Content: `{"schemaVersion": "2.2", "mainSteps": [` + step + `]}`}
	}
	const good = `{"name": "s", "action": "aws:runShellScript", "inputs": {"runCommand": ["id"]}}`
	for _, tt := range []struct {
		name string
		c    CreateDocument
		code string
	}{
		{"no JSON", CreateDocument{Name: "doc", Content: "{"}, "InvalidDocumentContent"},
		{"type", CreateDocument{Name: "doc", Type: "Automation", Content: "{}"}, "InvalidDocumentContent"},
		{"text", CreateDocument{Name: "doc", Format: "TEXT", Content: "{}"}, "InvalidDocumentContent"},
		{"schema", CreateDocument{Name: "doc", Content: `{"schemaVersion": "0.3"}`}, "InvalidDocumentSchemaVersion"},
		{"unknown member", CreateDocument{Name: "doc", Content: `{"schemaVersion": "2.2", "colour": "red"}`}, "InvalidDocumentContent"},
		{"too large", CreateDocument{Name: "doc", Content: strings.Repeat(" ", maxContent+1)}, "MaxDocumentSizeExceeded"},
		{"name", CreateDocument{Name: "AWS-Doc", Content: `{}`}, "ValidationException"},
		{"kms", session(`"kmsKeyId": "alias/a"`), "InvalidDocumentContent"},
		{"cloudwatch", session(`"cloudWatchLogGroupName": "g"`), "InvalidDocumentContent"},
		{"idle", session(`"idleSessionTimeout": "61"`), "InvalidDocumentContent"},
		{"input", session(`"colour": "red"`), "InvalidDocumentContent"},
		{"session type", CreateDocument{Name: "doc", Type: TypeSession, Content: `{"schemaVersion": "1.0", "sessionType": "X"}`}, "InvalidDocumentContent"},
		{"session schema", CreateDocument{Name: "doc", Type: TypeSession, Content: `{"schemaVersion": "2.2", "sessionType": "Port"}`}, "InvalidDocumentSchemaVersion"},
		{"no properties", CreateDocument{Name: "doc", Type: TypeSession, Content: `{"schemaVersion": "1.0", "sessionType": "Port"}`}, "InvalidDocumentContent"},
		{"no steps", step(""), "InvalidDocumentContent"},
		{"same name", step(good + "," + good), "InvalidDocumentContent"},
		{"action", step(`{"name": "s", "action": "aws:downloadContent", "inputs": {}}`), "InvalidDocumentContent"},
		{"step's input", step(`{"name": "s", "action": "aws:runShellScript", "inputs": {"runCommand": ["id"], "colour": "red"}}`), "InvalidDocumentContent"},
		{"on failure", step(`{"name": "s", "action": "aws:runShellScript", "onFailure": "exit", "inputs": {"runCommand": ["id"]}}`), "InvalidDocumentContent"},
	} {
		if _, err := try(newLab(t), tt.c); codeOf(err) != tt.code {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
	if _, err := try(newLab(t), step(good)); err != nil {
		t.Error(err)
	}
}
