package cloudinit

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func zip(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

// mixed makes a message of parts: a type with more header lines, and a body.
func mixed(parts ...string) string {
	var b strings.Builder
	b.WriteString("Content-Type: multipart/mixed; boundary=\"//\"\nMIME-Version: 1.0\n\n")
	for i := 0; i+1 < len(parts); i += 2 {
		b.WriteString("--//\nContent-Type: " + parts[i] + "\n\n" + parts[i+1] + "\n")
	}
	return b.String() + "--//--\n"
}

// web serves what is included.
func web(pages map[string]string) Fetch {
	return func(url string, once bool) ([]byte, error) {
		page, ok := pages[url]
		if !ok {
			return nil, errors.New("a invalid http code of 404")
		}
		if once {
			page += "# once\n"
		}
		return []byte(page), nil
	}
}

func TestRead(t *testing.T) {
	pages := web(map[string]string{
		"http://a/script": "#!/bin/sh\n", "http://a/zipped": zip("#cloud-config\n{}\n"), "http://a/more": "#include http://a/script\n",
		"http://a/loop": "#include http://a/loop\n", "http://a/mixed": mixed(KindScript, "#!/bin/sh\n", "text/plain", "#cloud-config\n"),
	})
	for _, c := range []struct {
		name, data string
		want       []string // kind and name
		warning    string
	}{
		{"script", "#!/bin/bash\n", []string{"text/x-shellscript part-001"}, ""},
		{"leading blanks", "\n  #!/bin/bash\n", []string{"text/x-shellscript part-001"}, ""},
		{"no first line", "dnf update -y\n", []string{"text/x-not-multipart part-001"}, ""},
		{"configuration", "#cloud-config\npackages: []\n", []string{"text/cloud-config part-001"}, ""},
		{"template", "## template: jinja\n#cloud-config\n", []string{"text/jinja2 part-001"}, ""},
		{"archive", "#cloud-config-archive\n- '#!/bin/sh'\n- {type: text/cloud-boothook, filename: early, content: x}\n- a: b\n- packages: [x]\n- 5\n- foo\n",
			[]string{"text/x-shellscript part-001", "text/cloud-boothook early", "text/cloud-config part-003", "text/cloud-config part-004", "text/cloud-config part-005"}, ""},
		{"compressed", zip("#!/bin/sh\n"), []string{"text/x-shellscript part-001"}, ""},
		{"compressed and cut off", zip("#!/bin/sh\n")[:20], nil, "Failed decompressing user data"},
		{"parts", mixed(KindScript, "#!/bin/sh\n", "text/cloud-config\nContent-Transfer-Encoding: base64", "I2Nsb3VkLWNvbmZpZwo=", "text/plain", "#!/bin/sh",
			"text/cloud-boothook\nContent-Disposition: attachment; filename=\"../early.sh\"", "#!/bin/sh"),
			[]string{"text/x-shellscript part-001", "text/cloud-config part-002", "text/x-shellscript part-003", "text/cloud-boothook _early.sh"}, ""},
		{"script that is none", mixed(KindScript, "#cloud-config\n"), []string{"text/cloud-config part-001"}, ""},
		{"part without a type", "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n#!/bin/sh\n--b--\n", []string{"text/x-shellscript part-001"}, ""},
		{"no last boundary", "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\necho", []string{"text/x-shellscript part-001"}, ""},
		{"carriage returns", strings.ReplaceAll(mixed(KindScript, "#!/bin/sh\n"), "\n", "\r\n"), []string{"text/x-shellscript part-001"}, ""},
		{"compressed part", mixed("application/x-gzip\nContent-Transfer-Encoding: base64", base64.StdEncoding.EncodeToString([]byte(zip("#cloud-config\n")))),
			[]string{"text/cloud-config part-001"}, ""},
		{"messages in a message", mixed("multipart/mixed; boundary=in", "--in\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n--in--"), []string{"text/x-shellscript part-001"}, ""},
		{"bad base64", mixed(KindScript+"\nContent-Transfer-Encoding: base64", "!!!"), nil, "Failed decoding a part"},
		{"include", "#include\n# a comment\nhttp://a/script\n\nhttp://a/none\nhttp://a/zipped\n",
			[]string{"text/x-shellscript part-001", "text/cloud-config part-002"}, "Fetching from http://a/none resulted in a invalid http code of 404"},
		{"include in one line", "#include http://a/more\n", []string{"text/x-shellscript part-001"}, ""},
		{"include of a message", mixed("text/x-include-url", "http://a/mixed"), []string{"text/x-shellscript part-001", "text/cloud-config part-002"}, ""},
		{"include of itself", "#include http://a/loop\n", nil, "nested deeper"},
		{"include of very much", strings.Repeat("#include http://a/script\n", 200), slices.Repeat([]string{""}, 128), "more than 128 addresses"},
		{"empty", "", []string{"text/x-not-multipart part-001"}, ""},
	} {
		parts, warnings := Read([]byte(c.data), pages)
		var got []string
		for _, p := range parts {
			got = append(got, p.Kind+" "+p.Name)
		}
		if len(got) != len(c.want) || len(got) < 100 && !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if all := strings.Join(warnings, "\n"); (c.warning == "") != (all == "") || !strings.Contains(all, c.warning) {
			t.Errorf("%s: warnings %q, want %q", c.name, all, c.warning)
		}
	}
	parts, _ := Read([]byte("#include-once\nhttp://a/script\n#include\nhttp://a/script\n"), pages)
	if len(parts) != 2 || !strings.HasSuffix(string(parts[0].Body), "once\n") || strings.HasSuffix(string(parts[1].Body), "once\n") {
		t.Errorf("include-once: %q", parts)
	}
	if got := Start([]byte("dnf update -y\ndnf install -y httpd\n")); got != `dnf update -y\ndnf instal` {
		t.Errorf("start: %s", got)
	}
}

// TestMerge has the examples of cloud-init's documentation.
func TestMerge(t *testing.T) {
	for _, c := range []struct {
		how, a, b, want string
	}{
		{"", "run: [1, 2]\nmap: {a: 1, b: 2}", "run: [3]\nmap: {b: 3}", "map[map:map[b:3] run:[3]]"},
		{"", "a: 1", "b: 2", "map[a:1 b:2]"},
		{"list(append)+dict(recurse_array)+str()", "run: [1, 2]\nx: 1", "run: [3]\nx: 2", "map[run:[1 2 3] x:1]"},
		{"list(prepend)+dict(recurse_array)+str()", "run: [1, 2]", "run: [3]", "map[run:[3 1 2]]"},
		{"list()+dict(recurse_array)+str()", "run: [1, 2]", "run: [3]", "map[run:[3 2]]"},
		{"dict(no_replace,recurse_list)+list(append)", "m: {a: [1]}\nx: 1", "m: {a: [2], b: 3}\nx: 2", "map[m:map[a:[1 2] b:3] x:1]"},
		{"dict(recurse_str)+str(append)", "a: hello", "a: ' world'", "map[a:hello world]"},
		{"dict(replace,allow_delete)+list()+str()", "a: 1\nb: 2", "a: null", "map[b:2]"},
	} {
		body := "#cloud-config\n" + c.b
		if c.how != "" {
			body += "\nmerge_how: '" + c.how + "'"
		}
		var merged any = map[string]any{}
		for _, p := range []string{c.a, body} {
			var err error
			if merged, err = mergePart(merged, Part{Body: []byte(p)}); err != nil {
				t.Errorf("%s: %v", c.how, err)
			}
		}
		if got := fmt.Sprint(merged); got != c.want {
			t.Errorf("%s: %s, want %s", c.how, got, c.want)
		}
	}
	header := mixed(KindConfig, "#cloud-config\npackages: [a]", KindConfig+"\nMerge-Type: list(append)+dict(recurse_list)+str()", "#cloud-config\npackages: [b]",
		KindConfig, "#cloud-config\nmerge_how: [{name: list, settings: [append]}, {name: dict, settings: [no_replace, recurse_list]}]\npackages: [c]")
	if got := Compile([]byte(header), nil).Config.Packages; !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("packages: %v", got)
	}
	if p := Compile([]byte("#cloud-config\nmerge_how: nonsense\n"), nil); len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "not in the right format") {
		t.Errorf("merge_how: %v", p.Warnings)
	}
}

const everything = `#cloud-config
package_update: true
package_upgrade: yes
packages: [httpd, [jq, 1.6]]
hostname: web.example.com
manage_etc_hosts: localhost
timezone: Asia/Tokyo
locale: en_US.UTF-8
ssh_authorized_keys: [ssh-ed25519 AAAA me]
final_message: "up $UPTIME"
output: {all: '| tee -a /var/log/x', final: ['> /out', '>> /err']}
bootcmd: [echo early]
runcmd:
- echo it's | cat
- [sh, -c, "echo it's", 5]
-
write_files:
- {path: /a, content: hello, permissions: '0600', owner: apache:nobody}
- {path: b, content: aGVsbG8=, encoding: b64, append: true, defer: yes, permissions: 0755}
- {path: /c, content: !!binary aGVsbG8=}
- {path: /d, content: '!', encoding: base64}
groups: [docker, {ops: [root, ec2-user]}]
users:
- default
- {name: alice, gecos: Alice, groups: 'wheel, docker', sudo: 'ALL=(ALL) NOPASSWD:ALL', lock_passwd: false, uid: 2000, ssh_authorized_keys: [k1], shell: /bin/sh, ssh_import_id: [gh:a]}
- bob
cloud_final_modules: [[scripts-user, always], nonesuch, phone-home, {name: final-message, freq: once}]
power_state: {mode: reboot, condition: test -e /x}
ntp: {enabled: true}
`

func TestCompile(t *testing.T) {
	p := Compile([]byte(everything), nil)
	c := p.Config
	for what, got := range map[string][2]any{
		"packages":  {c.Packages, []string{"httpd", "jq-1.6"}},
		"update":    {[]bool{c.PackageUpdate, c.PackageUpgrade}, []bool{true, true}},
		"names":     {[]string{c.Hostname, c.EtcHosts, c.Timezone, c.Locale}, []string{"web.example.com", "localhost", "Asia/Tokyo", "en_US.UTF-8"}},
		"keys":      {c.SSHKeys, []string{"ssh-ed25519 AAAA me"}},
		"bootcmd":   {string(c.BootCommands), "#!/bin/sh\necho early\n"},
		"runcmd":    {string(c.RunCommands), "#!/bin/sh\necho it's | cat\n'sh' '-c' 'echo it'\\''s' '5'\n"},
		"output":    {c.Output, map[string]Output{"all": {Stdout: "| tee -a /var/log/x"}, "final": {"> /out", ">> /err"}}},
		"power":     {c.Power, &Power{Mode: "reboot", Condition: []byte("#!/bin/sh\ntest -e /x\n")}},
		"groups":    {c.Groups, []Group{{Name: "docker"}, {"ops", []string{"root", "ec2-user"}}}},
		"modules":   {c.Of("cloud_final_modules"), []Module{{"scripts_user", Always}, {"final_message", Once}}},
		"unchanged": {c.Of("cloud_init_modules"), Stages()["cloud_init_modules"]},
		"files": {c.Files[:3], []File{
			{Path: "/a", User: "apache", Group: "nobody", Mode: 0o600, Content: []byte("hello")},
			{Path: "/b", User: "root", Group: "root", Mode: 0o755, Content: []byte("hello"), Append: true, Defer: true},
			{Path: "/c", User: "root", Group: "root", Mode: 0o644, Content: []byte("hello")},
		}},
		"users": {c.Users, []User{
			{Name: "ec2-user", Default: true, Gecos: "EC2 Default User", Shell: "/bin/bash", Groups: []string{"wheel", "adm", "systemd-journal"}, Sudo: []string{"ALL=(ALL) NOPASSWD:ALL"}},
			{Name: "alice", Gecos: "Alice", Groups: []string{"wheel", "docker"}, Sudo: []string{"ALL=(ALL) NOPASSWD:ALL"}, Unlocked: true, UID: 2000, SSHKeys: []string{"k1"}, Shell: "/bin/sh"},
			{Name: "bob"},
		}},
	} {
		if !reflect.DeepEqual(got[0], got[1]) {
			t.Errorf("%s: %+v, want %+v", what, got[0], got[1])
		}
	}
	if len(c.Files) != 4 || c.Files[3].Problem == "" {
		t.Errorf("files: %+v", c.Files)
	}
	all := strings.Join(p.Warnings, "\n")
	for _, want := range []string{"ntp is not carried out", "ssh_import_id is not carried out", "no module named cc_nonesuch", "Could not find"} {
		if !strings.Contains(strings.ReplaceAll(all, "Could not find module", "Could not find: no module"), want) {
			t.Errorf("no warning %q in:\n%s", want, all)
		}
	}
	if strings.Contains(all, "phone") {
		t.Errorf("warnings: %s", all)
	}
}

// TestCompileBad: what is wrong fails its module or is left out, with a word.
func TestCompileBad(t *testing.T) {
	for data, want := range map[string]string{
		"#cloud-config\na: [\n":                                       "Failed at merging in cloud config part from part-001: failed loading yaml blob",
		"#cloud-config\n- a\n":                                        "root types",
		"#cloud-config\nruncmd: echo\n":                               "runcmd: Input to shellify was type 'str'",
		"#cloud-config\nruncmd: [{echo: a}]\n":                        "runcmd: Unable to shellify type 'dict'",
		"#cloud-config\nbootcmd: [5]\n":                               "bootcmd: Unable to shellify type 'int'",
		"#cloud-config\nwrite_files: {}\n":                            "write_files: write_files is not a list",
		"#cloud-config\nwrite_files: [{content: a}]\n":                "No path provided to write for entry 1",
		"#cloud-config\nwrite_files: [{path: /a, encoding: x}]\n":     "Unknown encoding type x",
		"#cloud-config\nwrite_files: [{path: /a, permissions: rw}]\n": "Undecodable permissions 'rw'",
		"#cloud-config\nusers: ['a b']\n":                             "not a user's name",
		"#cloud-config\nusers: [{name: a, gecos: 'x:y'}]\n":           "cannot stand in /etc/passwd",
		"#cloud-config\npower_state: {mode: fly}\n":                   "power_state[mode] required",
		"#cloud-config\ncloud_final_modules: x\n":                     "is not a list",
		"#cloud-config\nssh_pwauth: true\n":                           "ssh_pwauth is not carried out",
		"#part-handler\n":                                             "part-001 (text/part-handler) is not carried out",
		"## template: jinja\n":                                        "text/jinja2",
		mixed("text/upstart-job", "x"):                                "text/upstart-job",
		mixed("image/png", "x"):                                       "Unhandled unknown content-type (image/png) userdata: 'x'",
	} {
		p := Compile([]byte(data), nil)
		all := strings.Join(p.Warnings, "\n")
		for _, m := range sorted(p.Config.Broken) {
			all += "\n" + m + ": " + p.Config.Broken[m]
		}
		if !strings.Contains(all, want) {
			t.Errorf("%q: %q, want %q", data, all, want)
		}
	}
}

func TestName(t *testing.T) {
	const given = "ip-10-0-1-10.ec2.internal"
	for _, c := range []struct {
		config, name, fqdn string
		warned             bool
	}{
		{"{}", given, given, false},
		{"fqdn: web.example.com", "web.example.com", "web.example.com", false},
		{"{hostname: web, fqdn: web.example.com}", "web.example.com", "web.example.com", false},
		{"{hostname: web, fqdn: w.example.com, prefer_fqdn_over_hostname: false}", "web", "w.example.com", false},
		{"hostname: web.example.com", "web.example.com", "web.example.com", false},
		{"hostname: web", "web", "web.ec2.internal", true},
		{"{hostname: web, prefer_fqdn_over_hostname: false}", "web", "web.ec2.internal", false},
		{"{hostname: web, preserve_hostname: true}", given, given, false},
	} {
		name, fqdn, warning := Compile([]byte("#cloud-config\n"+c.config), nil).Config.Name(given)
		if name != c.name || fqdn != c.fqdn || (warning != "") != c.warned {
			t.Errorf("%s: %s, %s, %q", c.config, name, fqdn, warning)
		}
	}
}

// TestUsers: the forms that users and user may have.
func TestUsers(t *testing.T) {
	for config, want := range map[string]string{
		"{}":                             "ec2-user*",
		"users: []":                      "",
		"users: [default, {name: a}]":    "ec2-user* a",
		"users: 'a, b'":                  "a b",
		"users: {a: {shell: x}, b: yes}": "a b",
		"users: [a, [b, c], null]":       "a b c",
		"user: admin":                    "admin*",
		"{user: {name: admin, shell: /bin/sh}, users: [a]}":    "a admin*",
		"users: [{name: default, shell: /bin/zsh}, {sudo: x}]": "ec2-user*",
	} {
		var got []string
		for _, u := range Compile([]byte("#cloud-config\n"+config), nil).Config.Users {
			name := u.Name
			if u.Default {
				name += "*"
			}
			got = append(got, name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", config, got, want)
		}
	}
}

func TestStatus(t *testing.T) {
	one, two := 1.0, 2.5
	s := Status{DataSource: DataSource, Stages: map[string]StageStatus{
		"init": {Start: &one, Finished: &two}, "modules-final": {Errors: []string{"('scripts-user', RuntimeError('x'))"}, Start: &two},
	}}
	text, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"v1":{"datasource":"DataSourceEc2Local","init":{"errors":[],"finished":2.5,"start":1},"modules-final":{"errors":["('scripts-user', RuntimeError('x'))"],"finished":null,"start":2.5},"stage":null}}`
	if string(text) != want {
		t.Errorf("%s", text)
	}
	var back Status
	if err := back.UnmarshalJSON(text); err != nil || back.Latest() != 2.5 || len(back.Errors()) != 1 || back.DataSource != DataSource {
		t.Errorf("%+v, %v", back, err)
	}
}

// FuzzCompile: no user data keeps a guest from starting.
func FuzzCompile(f *testing.F) {
	f.Add([]byte(everything))
	f.Add([]byte(zip("#!/bin/sh\n")))
	f.Add([]byte(mixed(KindScript, "#!/bin/sh\n", "multipart/mixed; boundary=in", "--in\n\n#include x\n--in--", "application/gzip", "x")))
	f.Add([]byte("#cloud-config-archive\n- {content: '#!/bin/sh', type: 5}\n"))
	f.Add([]byte("#cloud-config\na: &a [*a]\nusers: {1: {2: 3}}\n"))
	f.Add([]byte("#include-once\nhttp://a\n#include\nhttp://a/self\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := compile(data, func(string, bool) ([]byte, error) { return data, nil })
		for _, part := range p.Parts {
			if part.Name == "" || strings.ContainsAny(part.Name, "/\x00") || part.Name[0] == '.' {
				t.Errorf("a part's name: %q", part.Name)
			}
		}
		for _, file := range p.Config.Files {
			if !strings.HasPrefix(file.Path, "/") {
				t.Errorf("a file's path: %q", file.Path)
			}
		}
		for _, u := range p.Config.Users {
			if !ValidName(u.Name) || strings.ContainsAny(u.Gecos+u.Home+u.Shell+u.Hash, ":\n") {
				t.Errorf("a user: %+v", u)
			}
		}
		p.Config.Name("ip-10-0-0-1.ec2.internal")
	})
}
