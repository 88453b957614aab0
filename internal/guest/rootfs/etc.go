package rootfs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const osRelease = `NAME="Amazon Linux"
VERSION="2023"
ID="amzn"
ID_LIKE="fedora"
VERSION_ID="2023"
PLATFORM_ID="platform:al2023"
PRETTY_NAME="Amazon Linux 2023"
ANSI_COLOR="0;33"
CPE_NAME="cpe:2.3:o:amazon:amazon_linux:2023"
HOME_URL="https://aws.amazon.com/linux/amazon-linux-2023/"
VARIANT="Musubi guest"
`

const passwd = `root:x:0:0:root:/root:/bin/bash
bin:x:1:1:bin:/bin:/sbin/nologin
daemon:x:2:2:daemon:/sbin:/sbin/nologin
mail:x:8:12:mail:/var/spool/mail:/sbin/nologin
apache:x:48:48:Apache:/usr/share/httpd:/sbin/nologin
nginx:x:995:993:Nginx web server:/var/lib/nginx:/sbin/nologin
nobody:x:65534:65534:Kernel Overflow User:/:/sbin/nologin
ec2-user:x:1000:1000:EC2 Default User:/home/ec2-user:/bin/bash
ssm-user:x:1001:1001::/home/ssm-user:/bin/bash
`

const group = `root:x:0:
bin:x:1:
daemon:x:2:
sys:x:3:
adm:x:4:ec2-user
tty:x:5:
mail:x:12:
wheel:x:10:ec2-user
users:x:100:
apache:x:48:
nginx:x:993:
systemd-journal:x:190:ec2-user
nobody:x:65534:
ec2-user:x:1000:
ssm-user:x:1001:
`

const profile = `export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
[ -n "$BASH_VERSION" ] && [ -f ~/.bashrc ] && . ~/.bashrc
for f in /etc/profile.d/*.sh; do [ -r "$f" ] && . "$f"; done
unset f
`

// openssl is what `openssl req`, which makes the certificates of targets, does
// not work without.
const openssl = `[ req ]
default_bits = 2048
distinguished_name = req_distinguished_name
x509_extensions = v3_ca
string_mask = utf8only

[ req_distinguished_name ]
countryName = Country Name (2 letter code)
stateOrProvinceName = State or Province Name (full name)
localityName = Locality Name (eg, city)
0.organizationName = Organization Name (eg, company)
organizationalUnitName = Organizational Unit Name (eg, section)
commonName = Common Name (eg, your name or your server's hostname)
emailAddress = Email Address

[ v3_req ]
basicConstraints = CA:FALSE
keyUsage = nonRepudiation, digitalSignature, keyEncipherment

[ v3_ca ]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always,issuer
basicConstraints = critical,CA:true
`

// pam lets the host's su work: who is root in a guest may be anyone in it.
const pam = `auth     sufficient pam_rootok.so
auth     required   pam_deny.so
account  required   pam_permit.so
session  required   pam_permit.so
password required   pam_deny.so
`

const bashrc = `[ -n "$PS1" ] && PS1='[\u@\h \W]\$ '
alias ll='ls -l --color=auto'
`

// etc writes what the guest needs to know itself. Files that cloud-init and
// DHCP write are written on every boot; the rest belongs to the user once made.
func (b *builder) etc() error {
	short, _, _ := strings.Cut(b.cfg.Hostname, ".")
	each := map[string]string{
		"etc/hostname":    b.cfg.Hostname + "\n",
		"etc/resolv.conf": b.resolvConf(),
	}
	if !b.fresh {
		if err := b.write(each); err != nil {
			return err
		}
		return b.ownIdentity()
	}
	once := map[string]string{
		"etc/os-release": osRelease, "etc/passwd": passwd, "etc/group": group, "etc/profile": profile,
		"etc/system-release": "Amazon Linux release 2023 (Amazon Linux)\n",
		"etc/nsswitch.conf":  "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n",
		"etc/shells":         "/bin/sh\n/bin/bash\n",
		"etc/hosts": "127.0.0.1   localhost localhost.localdomain localhost4 localhost4.localdomain4\n" +
			"::1         localhost6 localhost6.localdomain6\n",
		"etc/pam.d/other": pam,
		// Where Amazon Linux keeps it, and where the OpenSSL of other hosts looks.
		"etc/pki/tls/openssl.cnf": openssl, "etc/ssl/openssl.cnf": openssl,
		"etc/fstab":      "",
		"etc/machine-id": machineID(b.cfg.InstanceID) + "\n",
		"etc/motd":       "\nMusubi guest " + short + ": an Amazon Linux 2023 stand-in.\n\n",
		"etc/bashrc":     bashrc, "root/.bashrc": ". /etc/bashrc\n", "home/ec2-user/.bashrc": ". /etc/bashrc\n",
		"root/.bash_profile": ". ~/.bashrc\n", "etc/host.conf": "multi on\n",
		"etc/dnf/dnf.conf": "[main]\ngpgcheck=True\ninstallonly_limit=3\nclean_requirements_on_remove=True\nbest=True\nskip_if_unavailable=False\n",
		"etc/shadow":       "root:*::0:99999:7:::\nec2-user:!!::0:99999:7:::\nssm-user:!!::0:99999:7:::\napache:!!::::::\nnginx:!!::::::\n",
	}
	if err := b.write(each); err != nil {
		return err
	}
	if err := b.write(once); err != nil {
		return err
	}
	if err := os.Chmod(b.path("etc/shadow"), 0o600); err != nil {
		return err
	}
	for _, d := range []string{
		"etc/profile.d", "etc/systemd/system/multi-user.target.wants", "etc/sysconfig", "etc/pki/tls/private", "etc/ssl/private",
	} {
		if err := os.MkdirAll(b.path(d), 0o755); err != nil {
			return err
		}
	}
	if err := b.useHostFiles(); err != nil {
		return err
	}
	if err := b.trust(); err != nil {
		return err
	}
	return b.owners()
}

func (b *builder) resolvConf() string {
	var s strings.Builder
	if b.cfg.Search != "" {
		fmt.Fprintf(&s, "search %s\n", b.cfg.Search)
	}
	if b.cfg.Resolver.IsValid() {
		fmt.Fprintf(&s, "nameserver %s\n", b.cfg.Resolver)
		// As Amazon's DHCP client writes it; a query that is lost while the
		// daemon is started again costs 2 seconds then, not 5 and a failure.
		s.WriteString("options timeout:2 attempts:5\n")
	}
	return s.String()
}

func (b *builder) write(files map[string]string) error {
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(b.path(name)), 0o755); err != nil {
			return err
		}
		// A link that the user put in its place is replaced, not followed.
		if info, err := os.Lstat(b.path(name)); err == nil && !info.Mode().IsRegular() {
			if err := os.RemoveAll(b.path(name)); err != nil {
				return err
			}
		}
		if err := os.WriteFile(b.path(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// owners gives the users their homes, where there is more than one user.
func (b *builder) owners() error {
	if !b.cfg.ManyIDs {
		return nil
	}
	for path, id := range map[string]int{
		"home/ec2-user": 1000, "home/ec2-user/.bashrc": 1000, "home/ssm-user": 1001,
	} {
		if err := os.Lchown(b.path(path), id, id); err != nil {
			return err
		}
	}
	return nil
}

// machineID makes 32 hex digits of an instance id.
func machineID(instanceID string) string {
	id := "ec2" + strings.TrimPrefix(instanceID, "i-")
	var s strings.Builder
	for _, r := range id {
		if strings.ContainsRune("0123456789abcdef", r) {
			s.WriteRune(r)
		}
	}
	out := s.String() + strings.Repeat("0", 32)
	return out[:32]
}
