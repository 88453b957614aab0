package ssm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/ssm"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

func TestSessionsOnTheWire(t *testing.T) {
	l := newLab(t)
	if m := l.refused("StartSession", object{"Target": db}, "TargetNotConnected"); m != db+" is not connected." {
		t.Error(m)
	}
	s := l.ok("StartSession", object{"Target": web, "DocumentName": "AWS-StartSSHSession", "Reason": "look", "Parameters": object{"portNumber": []string{"2222"}}})
	id := s["SessionId"].(string)
	if want := "ws://127.0.0.1:4566/v1/data-channel/" + id + "?role=publish_subscribe"; s["StreamUrl"] != want || !strings.HasPrefix(id, "root-") {
		t.Errorf("%v", s)
	}
	if s["TokenValue"] != l.agents.tokens[id] || len(l.agents.tokens[id]) < 200 || string(l.agents.sessions[id].Properties) != `{"portNumber":"2222"}` {
		t.Errorf("%v %+v", s, l.agents)
	}
	again := l.ok("ResumeSession", object{"SessionId": id})
	if again["TokenValue"] == s["TokenValue"] || again["TokenValue"] != l.agents.tokens[id] {
		t.Errorf("%v", again)
	}
	report(l, ssm.ReportSession{ID: id, Status: ssm.Connected})
	active := l.ok("DescribeSessions", object{"State": "Active"})["Sessions"].([]any)
	if len(active) != 1 || active[0].(object)["Status"] != "Connected" || strings.Contains(fmt.Sprint(active), again["TokenValue"].(string)) {
		t.Errorf("%v", active)
	}
	l.as("222222222222", func() {
		l.refused("ResumeSession", object{"SessionId": id}, "DoesNotExistException")
		l.refused("TerminateSession", object{"SessionId": id}, "DoesNotExistException")
		l.refused("StartSession", object{"Target": web}, "TargetNotConnected")
		if got := l.ok("GetConnectionStatus", object{"Target": web})["Status"]; got != "notconnected" {
			t.Errorf("of another account: %v", got)
		}
	})
	l.ok("TerminateSession", object{"SessionId": id})
	l.ok("TerminateSession", object{"SessionId": id}) // the agent is gone now
	if got := column(l.ok("DescribeSessions", object{"State": "History"})["Sessions"], "Status"); !slices.Equal(got, []string{"Terminated"}) {
		t.Errorf("%v", got)
	}
	l.agents.broken = true
	l.refused("StartSession", object{"Target": web}, "TargetNotConnected")
	if got := column(l.ok("DescribeSessions", object{"State": "History", "Filters": []object{{"key": "Status", "value": "Failed"}}})["Sessions"], "DocumentName"); !slices.Equal(got, []string{ssm.RunShell}) {
		t.Errorf("%v", got)
	}
}

func TestDescribeSessions(t *testing.T) {
	l := newLab(t)
	var ids []string
	for range 3 {
		l.e.now = l.e.now.Add(time.Minute)
		ids = append(ids, l.ok("StartSession", object{"Target": web})["SessionId"].(string))
	}
	for _, tt := range []struct {
		key, value string
		want       []string
	}{
		{"Target", web, []string{ids[2], ids[1], ids[0]}},
		{"Target", db, nil},
		{"SessionId", ids[1], []string{ids[1]}},
		{"Owner", "arn:aws:iam::111111111111:root", []string{ids[2], ids[1], ids[0]}},
		{"Status", "Connected", nil},
		{"InvokedAfter", "2026-01-02T03:06:05Z", []string{ids[2]}},
		{"InvokedBefore", "2026-01-02T03:06:05Z", []string{ids[1], ids[0]}},
	} {
		got := column(l.ok("DescribeSessions", object{"State": "Active", "Filters": []object{{"key": tt.key, "value": tt.value}}})["Sessions"], "SessionId")
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s %s: %v", tt.key, tt.value, got)
		}
	}
	first := l.ok("DescribeSessions", object{"State": "Active", "MaxResults": 2})
	rest := l.ok("DescribeSessions", object{"State": "Active", "MaxResults": 2, "NextToken": first["NextToken"]})
	if got := append(column(first["Sessions"], "SessionId"), column(rest["Sessions"], "SessionId")...); !slices.Equal(got, []string{ids[2], ids[1], ids[0]}) || rest["NextToken"] != nil {
		t.Errorf("%v", got)
	}
	l.refused("DescribeSessions", object{"State": "Active", "NextToken": "x"}, "InvalidNextToken")
	l.refused("DescribeSessions", object{"State": "Active", "Filters": []object{{"key": "Colour", "value": "red"}}}, "ValidationException")
}

func TestCommandsOnTheWire(t *testing.T) {
	l := newLab(t)
	c := l.ok("SendCommand", object{"DocumentName": "AWS-RunShellScript", "Parameters": object{"commands": []string{"date"}}, "InstanceIds": []string{web, db}, "Comment": "hi"})["Command"].(object)
	id := c["CommandId"].(string)
	if c["Status"] != "Pending" || c["TargetCount"] != 2.0 || c["TimeoutSeconds"] != 3600.0 || len(l.agents.commands) != 2 || l.agents.commands[0].Steps[0].Lines[0] != "date" {
		t.Errorf("%v %+v", c, l.agents.commands)
	}
	one := object{"CommandId": id, "InstanceId": web}
	if got := l.ok("GetCommandInvocation", one); got["Status"] != "Pending" || got["ResponseCode"] != -1.0 || got["ExecutionStartDateTime"] != "" || got["PluginName"] != "aws:runShellScript" {
		t.Errorf("%v", got)
	}
	report(l, ssm.ReportInvocation{Reply: sessionwire.Reply{JobID: id, InstanceID: web, Status: "Failed", Steps: []sessionwire.StepResult{{
		Name: "aws:runShellScript", Status: "Failed", ExitCode: 3, Output: strings.Repeat("x", 3000), Error: "oops", Started: "2026-01-02T03:04:05Z", Ended: "2026-01-02T03:05:07.5Z"}}}})
	got := l.ok("GetCommandInvocation", one)
	for k, want := range (object{"Status": "Failed", "ResponseCode": 3.0, "StandardErrorContent": "oops", "ExecutionElapsedTime": "PT1M2.5S",
		"ExecutionStartDateTime": "2026-01-02T03:04:05.000Z", "StandardOutputUrl": ""}) {
		if got[k] != want {
			t.Errorf("%s: %v", k, got[k])
		}
	}
	details := l.ok("ListCommandInvocations", object{"CommandId": id, "Details": true, "Filters": []object{{"key": "Status", "value": "Failed"}}})["CommandInvocations"].([]any)
	plugin := details[0].(object)["CommandPlugins"].([]any)[0].(object)
	if out := plugin["Output"].(string); len(details) != 1 || details[0].(object)["InstanceName"] != "web" || len(out) != shownOutput || !strings.HasSuffix(out, cutMark) {
		t.Errorf("%v", details)
	}
	l.ok("CancelCommand", object{"CommandId": id})
	if !slices.Equal(l.agents.cancelled, []string{db + " " + id}) {
		t.Errorf("%v", l.agents.cancelled)
	}
	list := l.ok("ListCommands", object{"CommandId": id})["Commands"].([]any)
	if x := list[0].(object); x["Status"] != "Failed" || x["CompletedCount"] != 2.0 || x["ErrorCount"] != 1.0 {
		t.Errorf("%v", list)
	}
	for _, f := range []object{{"key": "DocumentName", "value": "x"}, {"key": "ExecutionStage", "value": "Executing"}, {"key": "InvokedAfter", "value": "2026-01-03T00:00:00Z"}} {
		if got := l.ok("ListCommands", object{"Filters": []object{f}})["Commands"].([]any); len(got) > 0 {
			t.Errorf("%v: %v", f, got)
		}
	}
	if m := l.refused("GetCommandInvocation", object{"CommandId": id, "InstanceId": "i-0123456789abcdef9"}, "InvocationDoesNotExist"); m != "" {
		t.Error(m)
	}
	l.refused("GetCommandInvocation", object{"CommandId": id, "InstanceId": web, "PluginName": "none"}, "InvalidPluginName")
	l.refused("ListCommands", object{"CommandId": "01234567-0123-0123-0123-0123456789ab"}, "InvalidCommandId")
	l.refused("SendCommand", object{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{web}, "Parameters": object{"commands": "date"}}, "SerializationException")
	l.refused("SendCommand", object{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{web}, "NotificationConfig": object{"NotificationArn": "x"}}, "UnsupportedOperation")
	l.refused("SendCommand", object{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{web}, "CloudWatchOutputConfig": object{"CloudWatchOutputEnabled": true}}, "UnsupportedOperation")
}

func TestManagedInstances(t *testing.T) {
	l := newLab(t)
	online := func(in object) string {
		var out []string
		for _, x := range l.ok("DescribeInstanceInformation", in)["InstanceInformationList"].([]any) {
			out = append(out, x.(object)["InstanceId"].(string)[18:]+x.(object)["PingStatus"].(string))
		}
		return strings.Join(out, " ")
	}
	if got := online(object{}); got != "0Online 1Online" {
		t.Errorf("%s", got)
	}
	l.agents.lost = map[string]bool{db: true}
	if got := online(object{}); got != "0Online 1ConnectionLost" {
		t.Errorf("after the loss of a channel: %s", got)
	}
	l.agents.lost = nil
	l.e.now = l.e.now.Add(silence)
	if got := online(object{}); got != "0Online 1ConnectionLost" {
		t.Errorf("%s", got)
	}
	for want, in := range map[string]object{
		"1ConnectionLost":         {"Filters": []object{{"Key": "PingStatus", "Values": []string{"ConnectionLost"}}}},
		"0Online":                 {"InstanceInformationFilterList": []object{{"key": "InstanceIds", "valueSet": []string{web}}}},
		"":                        {"Filters": []object{{"Key": "tag:Name", "Values": []string{"x"}}}},
		"0Online 1ConnectionLost": {"Filters": []object{{"Key": "tag-key", "Values": []string{"Name"}}, {"Key": "PlatformTypes", "Values": []string{"Linux"}}}},
	} {
		if got := online(in); got != want {
			t.Errorf("%v: %s", in, got)
		}
	}
	l.refused("DescribeInstanceInformation", object{"Filters": []object{{"Key": "Colour", "Values": []string{"x"}}}}, "InvalidFilterKey")
	before := l.e.n
	l.as("ASIA-"+db, func() {
		l.ok("UpdateInstanceInformation", agentOf(db))
		l.refused("UpdateInstanceInformation", agentOf(web), "AccessDeniedException")
	})
	if got := online(object{}); got != "0Online 1Online" || l.e.n != before {
		t.Errorf("%s", got)
	}
	l.refused("UpdateInstanceInformation", agentOf(web), "AccessDeniedException")
	l.do(func(tx *cloud.Tx) {
		i, _ := compute.Instances.Get(tx, web)
		i.State = compute.Stopped
		compute.Instances.Put(tx, i)
	})
	if got := online(object{}); got != "0ConnectionLost 1Online" {
		t.Errorf("%s", got)
	}
	if got := column(l.ok("DescribeInstanceProperties", object{})["InstanceProperties"], "Name"); !slices.Equal(got, []string{"web", "db"}) {
		t.Errorf("%v", got)
	}
}

func TestDocumentsOnTheWire(t *testing.T) {
	l := newLab(t)
	const content = `{"schemaVersion": "1.0", "sessionType": "Port", "parameters": {"z": {"type": "String", "default": "9"}, "a": {"type": "String"}}, "properties": {"portNumber": "{{ z }}"}}`
	d := l.ok("CreateDocument", object{"Name": "doc", "DocumentType": "Session", "Content": content, "Tags": []object{{"Key": "a", "Value": "b"}}})["DocumentDescription"].(object)
	if d["Status"] != "Creating" || d["DocumentVersion"] != "1" || d["Owner"] != "111111111111" || !slices.Equal(column(d["Parameters"], "Name"), []string{"z", "a"}) {
		t.Errorf("%v", d)
	}
	if got := l.ok("GetDocument", object{"Name": "doc", "DocumentVersion": "$LATEST"}); got["Content"] != content || got["DocumentFormat"] != "JSON" || got["Status"] != "Active" {
		t.Errorf("%v", got)
	}
	l.ok("UpdateDocument", object{"Name": "doc", "Content": content + " ", "DocumentVersion": "$LATEST"})
	l.ok("UpdateDocumentDefaultVersion", object{"Name": "doc", "DocumentVersion": "2"})
	if got := l.ok("DescribeDocument", object{"Name": "doc"})["Document"].(object); got["DefaultVersion"] != "2" || got["DocumentVersion"] != "2" || got["SchemaVersion"] != "1.0" {
		t.Errorf("%v", got)
	}
	if got := column(l.ok("ListDocumentVersions", object{"Name": "doc"})["DocumentVersions"], "IsDefaultVersion"); !slices.Equal(got, []string{"true", "false"}) {
		t.Errorf("%v", got)
	}
	for key, value := range map[string]string{"Owner": "Self", "Name": "doc", "tag:a": "b"} {
		if got := column(l.ok("ListDocuments", object{"Filters": []object{{"Key": key, "Values": []string{value}}}})["DocumentIdentifiers"], "Name"); !slices.Equal(got, []string{"doc"}) {
			t.Errorf("%s: %v", key, got)
		}
	}
	if got := l.ok("DescribeDocumentPermission", object{"Name": "doc", "PermissionType": "Share"})["AccountIds"].([]any); len(got) > 0 {
		t.Errorf("%v", got)
	}
	l.refused("GetDocument", object{"Name": ssm.RunShell}, "InvalidDocument")
	l.refused("DescribeDocument", object{"Name": "doc", "DocumentVersion": "9"}, "InvalidDocumentVersion")
	l.refused("ListDocuments", object{"Filters": []object{{"Key": "Colour", "Values": []string{"x"}}}}, "InvalidFilterKey")
	l.as("222222222222", func() { l.refused("GetDocument", object{"Name": "doc"}, "InvalidDocument") })
	l.ok("DeleteDocument", object{"Name": "doc"})
	l.refused("DeleteDocument", object{"Name": "doc"}, "InvalidDocument")
}

func TestParametersOnTheWire(t *testing.T) {
	l := newLab(t)
	for name, in := range map[string]object{
		"/a/b":   {"Type": "String", "Value": "one", "Tags": []object{{"Key": "k", "Value": "v"}}},
		"/a/c/d": {"Type": "SecureString", "Value": "hush"},
		"plain":  {"Type": "StringList", "Value": "x,y"},
	} {
		in = maps.Clone(in)
		in["Name"] = name
		if got := l.ok("PutParameter", in); got["Version"] != 1.0 || got["Tier"] != "Standard" {
			t.Errorf("%v", got)
		}
	}
	if m := l.refused("PutParameter", object{"Name": "/a/b", "Value": "x"}, "ParameterAlreadyExists"); !strings.HasPrefix(m, "The parameter already exists. To overwrite") {
		t.Error(m)
	}
	l.ok("PutParameter", object{"Name": "/a/b", "Value": "two", "Overwrite": true})
	secret := l.ok("GetParameters", object{"Names": []string{"/a/c/d", "/none"}})
	if strings.Contains(fmt.Sprint(secret), "hush") || fmt.Sprint(secret["InvalidParameters"]) != "[/none]" {
		t.Errorf("%v", secret)
	}
	if got := l.ok("GetParameter", object{"Name": "/a/c/d", "WithDecryption": true})["Parameter"].(object); got["Value"] != "hush" {
		t.Errorf("%v", got)
	}
	if got := l.ok("GetParameter", object{"Name": "/a/b:1"})["Parameter"].(object); got["Value"] != "one" || got["Selector"] != ":1" {
		t.Errorf("%v", got)
	}
	if got := column(l.ok("GetParametersByPath", object{"Path": "/a"})["Parameters"], "Name"); !slices.Equal(got, []string{"/a/b"}) {
		t.Errorf("%v", got)
	}
	if got := column(l.ok("GetParametersByPath", object{"Path": "/", "Recursive": true})["Parameters"], "Name"); !slices.Equal(got, []string{"/a/b", "/a/c/d"}) {
		t.Errorf("%v", got)
	}
	if got := column(l.ok("GetParameterHistory", object{"Name": "/a/b"})["Parameters"], "Value"); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("%v", got)
	}
	for _, tt := range []struct {
		key, option, value string
		want               []string
	}{
		{"Name", "Equals", "/a/b", []string{"/a/b"}},
		{"Name", "BeginsWith", "/a", []string{"/a/b", "/a/c/d"}},
		{"Name", "Contains", "lai", []string{"plain"}},
		{"Type", "Equals", "SecureString", []string{"/a/c/d"}},
		{"Path", "OneLevel", "/a/c", []string{"/a/c/d"}},
		{"tag:k", "Equals", "v", []string{"/a/b"}},
	} {
		got := column(l.ok("DescribeParameters", object{"ParameterFilters": []object{{"Key": tt.key, "Option": tt.option, "Values": []string{tt.value}}}})["Parameters"], "Name")
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v", tt, got)
		}
	}
	l.refused("DescribeParameters", object{"ParameterFilters": []object{{"Key": "Name", "Option": "x", "Values": []string{"y"}}}}, "InvalidFilterOption")
	l.refused("PutParameter", object{"Name": "/x", "Value": "y", "Type": "String", "Policies": "[]"}, "UnsupportedOperation")
	if m := l.refused("GetParameter", object{"Name": "/none"}, "ParameterNotFound"); m != "" {
		t.Error(m)
	}
	l.ok("AddTagsToResource", object{"ResourceType": "Parameter", "ResourceId": "/a/b", "Tags": []object{{"Key": "n", "Value": "m"}}})
	l.ok("RemoveTagsFromResource", object{"ResourceType": "Parameter", "ResourceId": "/a/b", "TagKeys": []string{"k"}})
	if got := column(l.ok("ListTagsForResource", object{"ResourceType": "Parameter", "ResourceId": "/a/b"})["TagList"], "Key"); !slices.Equal(got, []string{"n"}) {
		t.Errorf("%v", got)
	}
	l.refused("ListTagsForResource", object{"ResourceType": "Parameter", "ResourceId": "/none"}, "InvalidResourceId")
	l.ok("LabelParameterVersion", object{"Name": "/a/b", "Labels": []string{"good"}})
	l.ok("UnlabelParameterVersion", object{"Name": "/a/b", "ParameterVersion": 2, "Labels": []string{"good"}})
	l.ok("DeleteParameters", object{"Names": []string{"/a/b"}})
	l.refused("DeleteParameter", object{"Name": "/a/b"}, "ParameterNotFound")
}

func TestStreamURL(t *testing.T) {
	call := &protocol.Call{Caller: cloud.Caller{Scope: cloud.Scope{Region: "eu-west-1"}}, Host: "localhost:4566"}
	if got := streamURL(call, "a@b=c-1"); got != "ws://localhost:4566/v1/data-channel/a@b=c-1?role=publish_subscribe" {
		t.Error(got)
	}
	call.Inside = true
	if got := streamURL(call, "a-1"); got != "wss://ssmmessages.eu-west-1.amazonaws.com/v1/data-channel/a-1?role=publish_subscribe" {
		t.Error(got)
	}
}
