package cloudinit

import (
	"fmt"
	"slices"
	"strings"
)

// Frequency is how often a module runs.
type Frequency string

// The frequencies.
const (
	Always   Frequency = "always"
	Once     Frequency = "once"
	Instance Frequency = "once-per-instance"
)

// Module is a module of a stage.
type Module struct {
	Name      string // with underscores
	Frequency Frequency
}

// Stages are the stages with the modules that Musubi's cloud-init carries out,
// in the order of Amazon Linux 2023's cloud.cfg.
func Stages() map[string][]Module {
	return map[string][]Module{
		"cloud_init_modules": {
			{"bootcmd", Always}, {"write_files", Instance}, {"set_hostname", Instance}, {"update_etc_hosts", Always},
			{"users_groups", Instance}, {"ssh", Instance},
		},
		"cloud_config_modules": {{"locale", Instance}, {"timezone", Instance}, {"runcmd", Instance}},
		"cloud_final_modules": {
			{"package_update_upgrade_install", Instance}, {"write_files_deferred", Instance}, {"scripts_per_once", Once},
			{"scripts_per_boot", Always}, {"scripts_per_instance", Instance}, {"scripts_user", Instance},
			{"final_message", Always}, {"power_state_change", Instance},
		},
	}
}

// elsewhere are modules of Amazon Linux's lists that have nothing to do here.
var elsewhere = []string{
	"migrator", "seed_random", "write_metadata", "growpart", "resizefs", "update_hostname", "rsyslog", "selinux", "resolv_conf",
	"disk_setup", "mounts", "set_passwords", "yum_configure", "yum_add_repo", "rh_subscription", "ntp", "disable_ec2_metadata",
	"scripts_vendor", "ssh_authkey_fingerprints", "keys_to_console", "phone_home", "puppet", "chef", "mcollective",
	"salt_minion", "rightscale_userdata", "ca_certs", "snappy", "landscape", "ssh_import_id", "install_hotplug",
}

// modules reads a stage's list, which replaces the image's.
func (p *Plan) modules(stage string) func(v any) {
	return func(v any) {
		list, ok := v.([]any)
		if !ok {
			p.warn("%s is not a list; it stays as it is", stage)
			return
		}
		known := map[string]Module{}
		for _, modules := range Stages() {
			for _, m := range modules {
				known[m.Name] = m
			}
		}
		out := []Module{}
		for _, e := range list {
			name, frequency := moduleEntry(e)
			m, ok := known[name]
			switch {
			case ok:
				if frequency != "" {
					m.Frequency = frequency
				}
				out = append(out, m)
			case !slices.Contains(elsewhere, name):
				p.warn("Could not find module named cc_%s (from %s)", name, stage)
			}
		}
		if p.Config.Modules == nil {
			p.Config.Modules = map[string][]Module{}
		}
		p.Config.Modules[stage] = out
	}
}

// moduleEntry is a name, [name, frequency] or {name: …, frequency: …}.
func moduleEntry(e any) (string, Frequency) {
	var name, frequency string
	switch e := e.(type) {
	case []any:
		if len(e) > 0 {
			name, _ = text(e[0])
		}
		if len(e) > 1 {
			frequency, _ = text(e[1])
		}
	case map[string]any:
		name, _ = text(e["name"])
		for _, k := range []string{"frequency", "freq"} {
			if s, ok := text(e[k]); ok {
				frequency = s
			}
		}
	default:
		name, _ = text(e)
	}
	name = strings.ReplaceAll(strings.TrimSpace(name), "-", "_")
	switch strings.ToLower(strings.TrimSpace(frequency)) {
	case "always":
		return name, Always
	case "once":
		return name, Once
	case "once-per-instance", "instance":
		return name, Instance
	}
	return name, ""
}

// Of is a stage's list of modules.
func (c Config) Of(stage string) []Module {
	if own, ok := c.Modules[stage]; ok {
		return own
	}
	return Stages()[stage]
}

// Name is the instance's name that the user data asks for, short and with its
// domain, of what it would be called otherwise, and a warning.
func (c Config) Name(given string) (hostname, fqdn, warning string) {
	short, _, dotted := strings.Cut(c.Hostname, ".")
	switch {
	case c.PreserveHostname || (c.Hostname == "" && c.FQDN == ""):
		return given, given, ""
	case c.FQDN != "" && c.Hostname != "" && c.PreferHostname:
		return c.Hostname, c.FQDN, ""
	case c.FQDN != "":
		return c.FQDN, c.FQDN, ""
	case dotted && c.PreferHostname:
		return short, c.Hostname, ""
	case dotted:
		return c.Hostname, c.Hostname, ""
	}
	if _, domain, ok := strings.Cut(given, "."); ok {
		fqdn = c.Hostname + "." + domain
	} else {
		fqdn = c.Hostname
	}
	if !c.PreferHostname {
		warning = fmt.Sprintf("hostname %s without fqdn: ON AWS Amazon Linux would prefer %s; give fqdn, or prefer_fqdn_over_hostname: false", c.Hostname, given)
	}
	return c.Hostname, fqdn, warning
}
