package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// systems calls an action of Systems Manager, whose requests are JSON.
func (a *api) systems(action string, in map[string]any) (map[string]any, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AmazonSSM."+action)
	req.Header.Set("Authorization", a.signature("ssm"))
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	if err := json.Unmarshal(answer, &out); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", action, err, answer)
	}
	if resp.StatusCode/100 != 2 {
		code := fmt.Sprint(out["__type"])
		message, ok := out["message"]
		if !ok {
			message = out["Message"]
		}
		return out, &apiError{resp.StatusCode, code[strings.LastIndexByte(code, '#')+1:], fmt.Sprint(message)}
	}
	return out, nil
}

// ssm is systems; an error ends the test.
func (w *world) ssm(action string, in map[string]any) map[string]any {
	w.t.Helper()
	out, err := w.systems(action, in)
	if err != nil {
		w.t.Fatalf("%s %v: %v", action, in, err)
	}
	return out
}

// at finds a value in decoded JSON by names and indices, or nil.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// managedRole makes the instance profile managed, whose instances Session Manager
// reaches, with more managed policies.
func (w *world) managedRole(more ...string) {
	w.t.Helper()
	w.profile("managed", append([]string{"AmazonSSMManagedInstanceCore"}, more...)...)
}

// profile makes an instance profile with a role of its name.
func (w *world) profile(name string, policies ...string) {
	w.t.Helper()
	w.call("iam", "CreateRole", "RoleName", name, "AssumeRolePolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	for _, p := range policies {
		w.call("iam", "AttachRolePolicy", "RoleName", name, "PolicyArn", "arn:aws:iam::aws:policy/"+p)
	}
	w.call("iam", "CreateInstanceProfile", "InstanceProfileName", name)
	w.call("iam", "AddRoleToInstanceProfile", "InstanceProfileName", name, "RoleName", name)
}

// pingStatus is an instance's state as Systems Manager has it: Online, ConnectionLost, or
// "" if it is not managed.
func (w *world) pingStatus(id string) string {
	w.t.Helper()
	out := w.ssm("DescribeInstanceInformation", map[string]any{"Filters": []any{map[string]any{"Key": "InstanceIds", "Values": []string{id}}}})
	s, _ := at(out, "InstanceInformationList", 0, "PingStatus").(string)
	return s
}

// waitPing waits until an instance is in a state.
func (w *world) waitPing(id, want string) {
	w.t.Helper()
	begin := time.Now()
	last := ""
	w.eventually(time.Minute, id+" to be "+want+" in Systems Manager", func() bool { last = w.pingStatus(id); return last == want })
	if w.t.Failed() {
		w.t.Fatalf("%s is %q, and its agent says:\n%s", id, last, w.agentLog(id))
	}
	w.t.Logf("%s %s after %v", id, want, time.Since(begin).Round(time.Second/10))
}

// agentLog is what an instance's agent wrote last.
func (w *world) agentLog(id string) string {
	out, _ := w.exec(id, "tail -n 30 /var/log/amazon/ssm/amazon-ssm-agent.log")
	return out
}
