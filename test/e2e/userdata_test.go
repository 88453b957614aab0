package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"strings"
	"testing"
)

const userDataConfig = `#cloud-config
fqdn: web.example.com
packages: [httpd]
write_files:
- path: /var/www/html/script
  content: |
    #!/bin/sh
    echo included >>/root/said
- path: /var/www/html/config
  encoding: b64
  content: I2Nsb3VkLWNvbmZpZwpydW5jbWQ6IFtlY2hvIGNvbmZpZ3VyZWQgPj4vcm9vdC9zYWlkXQo=
users:
- default
- {name: alice, groups: wheel, ssh_authorized_keys: [ssh-ed25519 AAAA alice]}
ssh_authorized_keys: [ssh-ed25519 BBBB me]
bootcmd: [echo boot >>/root/boots]
runcmd:
- [systemctl, enable, --now, httpd]
- echo "it is up" >>/root/said
final_message: That was all.
`

const userDataParts = `Content-Type: multipart/mixed; boundary="//"
MIME-Version: 1.0

--//
Content-Type: text/cloud-config; charset="us-ascii"
MIME-Version: 1.0
Content-Transfer-Encoding: 7bit
Content-Disposition: attachment; filename="cloud-config.txt"

#cloud-config
cloud_final_modules:
- [scripts-user, always]

--//
Content-Type: text/x-shellscript; charset="us-ascii"
MIME-Version: 1.0
Content-Transfer-Encoding: 7bit
Content-Disposition: attachment; filename="userdata.txt"

#!/bin/bash
echo again >>/root/said
--//
Content-Type: text/cloud-boothook

#cloud-boothook
#!/bin/sh
echo boot >>/root/boots
--//--
`

// TestUserData: each form of user data, as an instance of its own.
func TestUserData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.vpc("10.0.0.0/16")
	subnet, open := w.subnet(v, "10.0.0.0/24", 0), w.open(v)
	key := "ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"+strings.Repeat("k", 32)))
	w.ec2("ImportKeyPair", "KeyName", "mine", "PublicKeyMaterial", base64.StdEncoding.EncodeToString([]byte(key)))
	config := w.launch("config", subnet, open, userDataConfig, "PrivateIpAddress", "10.0.0.10", "KeyName", "mine")
	w.running(config)

	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte("#!/bin/sh\necho unpacked >>/root/said\n")); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for name, data := range map[string]string{
		"zipped": zipped.String(), "parts": userDataParts,
		"include": "#include\nhttp://10.0.0.10/none\nhttp://10.0.0.10/script\n#include-once http://10.0.0.10/config\n",
		"fails":   "#!/bin/sh\necho before >>/root/said\nexit 7\n",
		"nothing": "",
	} {
		ids[name] = w.launch(name, subnet, open, data)
	}
	w.running(ids["zipped"], ids["parts"], ids["include"], ids["nothing"])
	w.waitState(ids["fails"], "running")
	w.said("zipped", "unpacked\n")
	w.said("include", "included\nconfigured\n")
	w.said("parts", "again\n")
	for _, c := range []struct{ instance, script, want string }{
		{"config", "cat /root/said; hostname; cat /root/boots", "it is up\nweb.example.com\nboot\n"},
		{"config", "curl -s http://127.0.0.1/script | tail -1", "echo included >>/root/said\n"},
		{"config", "cat /home/ec2-user/.ssh/authorized_keys", "ssh-ed25519 BBBB me\n" + key + "\n"},
		{"config", "tail -1 /var/log/cloud-init-output.log", "That was all.\n"},
		{"include", "grep -c 'http://10.0.0.10/none resulted in' /var/log/cloud-init.log", "1\n"},
		{"fails", "cloud-init status --wait | tail -1; cat /root/said", "status: error\nbefore\n"},
		{"fails", "grep -c 'scripts/part-001 .7.' /var/log/cloud-init-output.log", "1\n"},
		{"nothing", "grep -c WARNING /var/log/cloud-init.log || test -f /var/lib/cloud/instance/boot-finished", "0\n"},
		{"nothing", "cloud-init status", "status: done\n"},
	} {
		if out := w.mustExec(c.instance, c.script); out != c.want {
			t.Errorf("%s: %s: %q, want %q", c.instance, c.script, out, c.want)
		}
	}
	if many := w.mustExec("config", "awk '{n+=$3} END {print (n > 1)}' /proc/self/uid_map") == "1\n"; many {
		if out := w.mustExec("config", "id -Gn alice; stat -c %U /home/alice/.ssh/authorized_keys"); out != "alice wheel\nalice\n" {
			t.Errorf("alice: %q", out)
		}
	} else if out := w.mustExec("config", "grep -c 'User alice is not created' /var/log/cloud-init.log"); out != "1\n" {
		t.Errorf("alice, who cannot be: %q", out)
	}
	if out := w.try("logs", "config"); !strings.Contains(out, "That was all.") {
		t.Errorf("the console:\n%s", out)
	}

	// What is for the first boot is not done again; what is for each boot is.
	again := []string{config, ids["parts"], ids["include"]}
	for _, id := range again {
		w.ec2("StopInstances", "InstanceId.1", id)
	}
	for _, id := range again {
		w.waitState(id, "stopped")
		w.ec2("StartInstances", "InstanceId.1", id)
	}
	w.running(again...)
	w.said("config", "it is up\n")
	w.said("include", "included\nconfigured\n")
	w.said("parts", "again\nagain\n")
	for _, name := range []string{"config", "parts"} {
		if out := w.mustExec(name, "cat /root/boots"); out != "boot\nboot\n" {
			t.Errorf("%s: what runs on each boot: %q", name, out)
		}
	}
}

// said checks what the user data of an instance has written.
func (w *world) said(instance, want string) {
	w.t.Helper()
	if out := w.mustExec(instance, "cat /root/said"); out != want {
		w.t.Errorf("%s: %q, want %q\n%s", instance, out, want, w.mustExec(instance, "cat /var/log/cloud-init.log"))
	}
}
