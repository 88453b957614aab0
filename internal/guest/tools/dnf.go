package tools

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// self is the binary that stand-ins link to.
const self = "/usr/lib/musubi/guest"

const installedFile = "/var/lib/musubi/packages"

// pkg is a package that the stand-in can install.
type pkg struct {
	version string
	// links are stand-ins that it brings, files what else it writes.
	links []string
	files map[string]string
	// needs is a program of the host that the package stands for.
	needs string
}

func packages() map[string]pkg {
	return map[string]pkg{
		"httpd": {
			version: "2.4.62-1.amzn2023",
			links:   []string{"/usr/sbin/httpd", "/usr/sbin/apachectl"},
			files: map[string]string{
				"/usr/lib/systemd/system/httpd.service": httpdUnit,
				"/etc/httpd/conf/httpd.conf":            "# Musubi's stand-in serves DocumentRoot on Listen; other directives are not read.\nListen 80\nDocumentRoot \"/var/www/html\"\n",
			},
		},
		"nginx": {
			version: "1:1.26.2-1.amzn2023",
			links:   []string{"/usr/sbin/nginx"},
			files: map[string]string{
				"/usr/lib/systemd/system/nginx.service": nginxUnit,
				"/usr/share/nginx/html/index.html":      "<!DOCTYPE html>\n<html><head><title>Welcome to nginx!</title></head>\n<body><h1>Welcome to nginx!</h1><p>This is Musubi's stand-in.</p></body></html>\n",
			},
		},
		"bind-utils":           {version: "32:9.18.28-1.amzn2023", needs: "dig"},
		"curl":                 {version: "8.5.0-1.amzn2023", needs: "curl"},
		"curl-minimal":         {version: "8.5.0-1.amzn2023", needs: "curl"},
		"amazon-ssm-agent":     {version: "3.3.2299.0-1.amzn2023"},
		"cloud-init":           {version: "22.2.2-1.amzn2023"},
		"systemd":              {version: "252.23-2.amzn2023"},
		"dnf":                  {version: "4.14.0-1.amzn2023"},
		"bash":                 {version: "5.2.15-1.amzn2023", needs: "bash"},
		"coreutils":            {version: "8.32-30.amzn2023", needs: "ls"},
		"jq":                   {version: "1.7.1-48.amzn2023", needs: "jq"},
		"python3":              {version: "3.9.16-1.amzn2023", needs: "python3"},
		"iproute":              {version: "5.10.0-2.amzn2023", needs: "ip"},
		"iputils":              {version: "20210202-2.amzn2023", needs: "ping"},
		"tcpdump":              {version: "4.99.1-1.amzn2023", needs: "tcpdump"},
		"nmap-ncat":            {version: "7.93-1.amzn2023", needs: "nc"},
		"traceroute":           {version: "2.1.3-1.amzn2023", needs: "traceroute"},
		"telnet":               {version: "0.17-83.amzn2023", needs: "telnet"},
		"wget":                 {version: "1.21.3-1.amzn2023", needs: "wget"},
		"git":                  {version: "2.40.1-1.amzn2023", needs: "git"},
		"tar":                  {version: "1.34-1.amzn2023", needs: "tar"},
		"unzip":                {version: "6.0-57.amzn2023", needs: "unzip"},
		"vim":                  {version: "9.0.2153-1.amzn2023", needs: "vim"},
		"nano":                 {version: "5.8-3.amzn2023", needs: "nano"},
		"openssl":              {version: "3.0.8-1.amzn2023", needs: "openssl"},
		"procps-ng":            {version: "3.3.17-1.amzn2023", needs: "ps"},
		"net-tools":            {version: "2.0-0.59.amzn2023", needs: "netstat"},
		"ec2-instance-connect": {version: "1.1-19.amzn2023"},
	}
}

const standIn = "Musubi's stand-in for dnf: there is no package mirror in a lab; it knows what it carries and what the host has."

// dnf installs what the stand-ins and the host's /usr can provide.
func dnf(args []string) int {
	var words []string
	quiet, yes := false, false
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-q" || a == "--quiet":
			quiet = true
		case a == "-y" || a == "--assumeyes":
			yes = true
		case a == "-h" || a == "--help":
			words = append(words, "help")
		case strings.HasPrefix(a, "-"):
			// What chooses repositories: nothing is fetched.
		default:
			words = append(words, a)
		}
	}
	say := func(format string, args ...any) {
		if !quiet {
			fmt.Printf(format+"\n", args...)
		}
	}
	if len(words) == 0 {
		return fail(1, "%s\nusage: dnf [-y] install|remove|update|list|info|search|makecache|clean [PACKAGE…]", standIn)
	}
	verb, names := words[0], words[1:]
	if os.Geteuid() != 0 && !slices.Contains([]string{"list", "info", "search", "help", "repolist", "check-update"}, verb) {
		return fail(1, "Error: This command has to be run with superuser privileges (under the root user on most systems).")
	}
	say("(%s)", standIn)
	switch verb {
	case "install", "reinstall":
		return dnfInstall(names, yes, say)
	case "remove", "erase", "autoremove":
		return dnfRemove(names, say)
	case "update", "upgrade", "upgrade-minimal", "distro-sync":
		return dnfUpdate(names, say)
	case "list", "info", "search":
		return dnfList(names)
	case "groupinstall", "group", "module", "localinstall", "downgrade", "history", "config-manager", "copr":
		return fail(1, "Error: %s is not carried out by Musubi's stand-in for dnf.", verb)
	case "makecache", "clean", "repolist", "check-update", "check-release-update":
		say("Metadata cache created.")
		return 0
	case "help":
		say("usage: dnf [-y] install|remove|update|list|info|search|makecache|clean [PACKAGE…]")
		return 0
	}
	return fail(1, "No such command: %s. Please use /usr/bin/dnf --help", verb)
}

func dnfInstall(names []string, yes bool, say func(string, ...any)) int {
	if len(names) == 0 {
		return fail(1, "Error: Need to pass a list of pkgs to install")
	}
	known, have := packages(), installed()
	var missing, wanted []string
	for _, name := range names {
		p, ok := known[name]
		switch {
		case !ok || (p.needs != "" && !onPath(p.needs)):
			_, _ = fmt.Fprintf(os.Stderr, "No match for argument: %s\n", name)
			missing = append(missing, name)
		case slices.Contains(have, name) || (len(p.links) == 0 && len(p.files) == 0):
			say("Package %s-%s is already installed.", name, p.version)
		default:
			wanted = append(wanted, name)
		}
	}
	if len(missing) > 0 {
		return fail(1, "Error: Unable to find a match: %s", strings.Join(missing, " "))
	}
	if len(wanted) == 0 {
		say("Dependencies resolved.\nNothing to do.\nComplete!")
		return 0
	}
	say("Dependencies resolved.\nInstalling:")
	for _, name := range wanted {
		say(" %-20s %-10s %-24s amazonlinux", name, arch(), known[name].version)
	}
	if !yes && !agreed() {
		return fail(1, "Operation aborted.")
	}
	say("Running transaction")
	for i, name := range wanted {
		if err := place(known[name]); err != nil {
			return fail(1, "Error: %s: %v", name, err)
		}
		say("  Installing       : %s-%s.%s    %d/%d", name, known[name].version, arch(), i+1, len(wanted))
	}
	if err := record(append(have, wanted...)); err != nil {
		return fail(1, "Error: %v", err)
	}
	say("\nInstalled:")
	for _, name := range wanted {
		say("  %s-%s.%s", name, known[name].version, arch())
	}
	say("\nComplete!")
	return 0
}

// agreed asks as dnf does without -y; where nobody can answer, that is a no.
func agreed() bool {
	fmt.Print("Is this ok [y/N]: ")
	var answer string
	_, _ = fmt.Scanln(&answer)
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
}

func dnfRemove(names []string, say func(string, ...any)) int {
	known, have := packages(), installed()
	done := false
	for _, name := range names {
		if !slices.Contains(have, name) {
			say("No match for argument: %s", name)
			continue
		}
		p := known[name]
		for path := range p.files {
			if filepath.Ext(path) == ".service" {
				_ = systemctl([]string{"disable", "--now", "--quiet", filepath.Base(path)})
			}
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fail(1, "Error: %v", err)
			}
		}
		for _, link := range p.links {
			if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fail(1, "Error: %v", err)
			}
		}
		have = slices.DeleteFunc(have, func(s string) bool { return s == name })
		say("Removed:\n  %s-%s.%s", name, p.version, arch())
		done = true
	}
	if err := record(have); err != nil {
		return fail(1, "Error: %v", err)
	}
	if !done {
		say("No packages marked for removal.\nDependencies resolved.\nNothing to do.")
	}
	say("Complete!")
	return 0
}

func dnfUpdate(names []string, say func(string, ...any)) int {
	known := packages()
	for _, name := range names {
		if _, ok := known[name]; !ok {
			return fail(1, "No match for argument: %s\nError: No packages marked for upgrade.", name)
		}
	}
	say("Last metadata expiration check: 0:00:01 ago.\nDependencies resolved.\nNothing to do.\nComplete!")
	return 0
}

func dnfList(names []string) int {
	names = slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == "installed" || s == "available" })
	known, have := packages(), installed()
	found := false
	var all []string
	for name := range known {
		all = append(all, name)
	}
	slices.Sort(all)
	for _, name := range all {
		p := known[name]
		match := len(names) == 0
		for _, n := range names {
			if ok, err := filepath.Match(n, name); ok && err == nil {
				match = true
			}
		}
		if !match || (p.needs != "" && !onPath(p.needs)) {
			continue
		}
		found = true
		repo := "amazonlinux"
		if slices.Contains(have, name) || (len(p.links) == 0 && len(p.files) == 0) {
			repo = "@System"
		}
		fmt.Printf("%-32s %-28s %s\n", name+"."+arch(), p.version, repo)
	}
	if !found {
		return fail(1, "Error: No matching Packages to list")
	}
	return 0
}

// place writes a package's files and links.
func place(p pkg) error {
	for path, text := range p.files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		// A file of the host's of that name cannot be written to, only covered.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, link := range p.links {
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return err
		}
		if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Symlink(self, link); err != nil {
			return err
		}
	}
	return nil
}

func installed() []string {
	f, err := os.Open(installedFile)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	var names []string
	for s := bufio.NewScanner(f); s.Scan(); {
		names = append(names, s.Text())
	}
	return names
}

func record(names []string) error {
	slices.Sort(names)
	text := strings.Join(slices.Compact(names), "\n")
	if text != "" {
		text += "\n"
	}
	return os.WriteFile(installedFile, []byte(text), 0o644)
}

func onPath(name string) bool {
	for _, dir := range []string{"/usr/local/bin", "/usr/bin", "/usr/sbin", "/bin", "/sbin"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}
