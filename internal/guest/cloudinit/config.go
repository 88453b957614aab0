package cloudinit

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Config is what the merged cloud-config of an instance asks for.
type Config struct {
	// Modules are the lists of modules by stage, where the user data changes them.
	Modules map[string][]Module

	// BootCommands and RunCommands are the scripts that bootcmd and runcmd become.
	BootCommands, RunCommands []byte
	Files                     []File
	Groups                    []Group
	Users                     []User
	// UsersGiven is true if the user data says which users there are.
	UsersGiven  bool
	SSHKeys     []string // for the default user
	DisableRoot bool

	Hostname         string
	FQDN             string
	PreserveHostname bool
	PreferHostname   bool // prefer_fqdn_over_hostname: false
	EtcHosts         string
	Timezone         string
	Locale           string

	Packages                      []string
	PackageUpdate, PackageUpgrade bool

	// Output says where a stage's output goes.
	Output       map[string]Output
	FinalMessage string
	Power        *Power

	// Broken are the modules that fail over what they are given, with why.
	Broken map[string]string
}

// Output is where the output of a stage goes: "> FILE", ">> FILE" or
// "| COMMAND". An empty Stderr is Stdout's.
type Output struct{ Stdout, Stderr string }

// Power is a change of power when all is done.
type Power struct {
	Mode    string // poweroff, reboot, halt
	Message string
	// Condition is a command that must succeed; empty: none.
	Condition []byte
	// Never is true if the condition is false.
	Never bool
}

// Plan is all that user data asks for.
type Plan struct {
	// Parts are those that are programs: scripts, boothooks, and text without a
	// first line that tells what it is.
	Parts  []Part
	Config Config
	// Merged is the cloud-config of all parts as YAML.
	Merged   []byte
	Warnings []string
}

// Compile reads user data into a plan. It never fails, for a guest has to start
// whatever its user data is: what cannot be carried out is told in the warnings.
func Compile(data []byte, fetch Fetch) (p Plan) {
	defer func() {
		if r := recover(); r != nil {
			p = compile(nil, nil)
			p.warn("User data cannot be read: %v", r)
		}
	}()
	return compile(data, fetch)
}

func compile(data []byte, fetch Fetch) Plan {
	parts, warnings := Read(data, fetch)
	p := Plan{Warnings: warnings}
	var merged any = map[string]any{}
	for _, part := range parts {
		switch part.Kind {
		case KindScript, KindPerBoot, KindPerInstance, KindPerOnce, KindBoothook, KindBare:
			p.Parts = append(p.Parts, part)
		case KindConfig:
			var err error
			if merged, err = mergePart(merged, part); err != nil {
				p.warn("Failed at merging in cloud config part from %s: %v", part.Name, err)
			}
		case "text/upstart-job", "text/jinja2", "text/part-handler", "text/cloud-config-jsonp":
			p.warn("%s (%s) is not carried out by Musubi's cloud-init", part.Name, part.Kind)
		default:
			p.warn("Unhandled unknown content-type (%s) userdata: '%s'", part.Kind, Start(part.Body))
		}
	}
	config, _ := merged.(map[string]any)
	if len(config) > 0 {
		if text, err := yaml.Marshal(config); err == nil {
			p.Merged = append([]byte("#cloud-config\n"), text...)
		}
	}
	p.decode(config)
	return p
}

func (p *Plan) warn(format string, args ...any) {
	p.Warnings = append(p.Warnings, fmt.Sprintf(format, args...))
}

func mergePart(merged any, part Part) (any, error) {
	var v any
	if err := yaml.Unmarshal(part.Body, &v); err != nil {
		return merged, fmt.Errorf("failed loading yaml blob. Invalid format: %w", err)
	}
	if v == nil {
		return merged, nil
	}
	config, ok := stringKeys(v).(map[string]any)
	if !ok {
		return merged, errors.New("failed loading yaml blob. Yaml load allows (<class 'dict'>,) root types")
	}
	m, err := takeMergers(config, part.Merge)
	if err != nil {
		return merged, err
	}
	return m.merge(merged, config), nil
}

// decode reads each key that a module of Musubi's cloud-init knows.
func (p *Plan) decode(config map[string]any) {
	c := &p.Config
	c.DisableRoot, c.Broken = true, map[string]string{}
	keys := map[string]func(v any){
		"bootcmd": func(v any) { c.BootCommands = p.shell("bootcmd", v) },
		"runcmd":  func(v any) { c.RunCommands = p.shell("runcmd", v) },
		"hostname": func(v any) {
			c.Hostname, _ = text(v)
		},
		"fqdn":                      func(v any) { c.FQDN, _ = text(v) },
		"preserve_hostname":         func(v any) { c.PreserveHostname = truth(v, false) },
		"prefer_fqdn_over_hostname": func(v any) { c.PreferHostname = !truth(v, true) },
		"manage_etc_hosts":          p.etcHosts,
		"timezone":                  func(v any) { c.Timezone, _ = text(v) },
		"locale":                    p.locale,
		"ssh_authorized_keys":       func(v any) { c.SSHKeys = texts(v, "\n") },
		"disable_root":              func(v any) { c.DisableRoot = truth(v, true) },
		"package_update":            func(v any) { c.PackageUpdate = truth(v, false) },
		"package_upgrade":           func(v any) { c.PackageUpgrade = truth(v, false) },
		"packages":                  p.packages,
		"write_files":               p.files,
		"groups":                    p.groups,
		"output":                    p.output,
		"final_message":             func(v any) { c.FinalMessage, _ = text(v) },
		"power_state":               p.power,
		"cloud_init_modules":        p.modules("cloud_init_modules"),
		"cloud_config_modules":      p.modules("cloud_config_modules"),
		"cloud_final_modules":       p.modules("cloud_final_modules"),
	}
	// What changes nothing here: it is so already, or there is nothing of it.
	idle := []string{
		"users", "user", "launch-index", "package_reboot_if_required", "repo_upgrade", "apt_update", "apt_upgrade",
		"resize_rootfs", "growpart", "debug", "datasource_list", "datasource", "locale_configfile",
	}
	p.users(config["users"], config["user"])
	for _, k := range []string{"apt_update", "apt_upgrade"} { // older names
		if v, ok := config[k]; ok && config["package"+strings.TrimPrefix(k, "apt")] == nil {
			keys["package"+strings.TrimPrefix(k, "apt")](v)
		}
	}
	for _, k := range sorted(config) {
		do, known := keys[k]
		switch {
		case known:
			if config[k] != nil {
				do(config[k])
			}
		case slices.Contains(idle, k):
		case k == "ssh_pwauth" && !truth(config[k], true):
		default:
			p.warn("%s is not carried out by Musubi's cloud-init", k)
		}
	}
}

func (p *Plan) etcHosts(v any) {
	switch s, _ := text(v); {
	case strings.EqualFold(s, "localhost"):
		p.Config.EtcHosts = "localhost"
	case strings.EqualFold(s, "template") || truth(v, false):
		p.Config.EtcHosts = "template"
	}
}

func (p *Plan) locale(v any) {
	if s, _ := text(v); !strings.EqualFold(s, "false") {
		p.Config.Locale = s
	}
}

func (p *Plan) packages(v any) {
	list, ok := v.([]any)
	if !ok {
		if s, isText := text(v); isText {
			list = []any{s}
		}
	}
	for _, e := range list {
		if name, ok := text(e); ok {
			p.Config.Packages = append(p.Config.Packages, name)
			continue
		}
		if pair := texts(e, ","); len(pair) == 2 {
			if _, isList := e.([]any); isList {
				p.Config.Packages = append(p.Config.Packages, pair[0]+"-"+pair[1])
				continue
			}
		}
		p.warn("packages: %v is neither a name nor [name, version]; it is left out", e)
	}
}

// shell makes the script of a list of commands.
func (p *Plan) shell(module string, v any) []byte {
	script, err := Shellify(v)
	if err != nil {
		p.Config.Broken[module] = err.Error()
	}
	return script
}

// Shellify makes a script of commands: a list is a program with its arguments,
// a text is for the shell.
func Shellify(v any) ([]byte, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("Input to shellify was type '%s'. Expected list or tuple.", pythonType(v)) //nolint:staticcheck // cloud-init's own words
	}
	b := bytes.NewBufferString("#!/bin/sh\n")
	for _, e := range list {
		switch e := e.(type) {
		case nil:
		case string:
			b.WriteString(e + "\n")
		case []any:
			var words []string
			for _, w := range e {
				s, _ := text(w)
				words = append(words, "'"+strings.ReplaceAll(s, "'", `'\''`)+"'")
			}
			b.WriteString(strings.Join(words, " ") + "\n")
		default:
			return nil, fmt.Errorf("Unable to shellify type '%s'. Expected list, string, tuple. Got: %v", pythonType(e), e) //nolint:staticcheck // cloud-init's own words
		}
	}
	return b.Bytes(), nil
}

func pythonType(v any) string {
	switch v.(type) {
	case string:
		return "str"
	case map[string]any:
		return "dict"
	case bool:
		return "bool"
	case float64:
		return "float"
	case nil:
		return "NoneType"
	}
	return "int"
}

// output reads where output goes, for all stages or each.
func (p *Plan) output(v any) {
	p.Config.Output = map[string]Output{}
	stages, ok := v.(map[string]any)
	if !ok {
		stages = map[string]any{"all": v}
	}
	for stage, v := range stages {
		var o Output
		switch v := v.(type) {
		case string:
			o.Stdout = v
		case []any:
			if list := texts(v, "\n"); len(list) > 0 {
				o.Stdout = list[0]
				if len(list) > 1 {
					o.Stderr = list[1]
				}
			}
		case map[string]any:
			o.Stdout, _ = text(v["output"])
			o.Stderr, _ = text(v["error"])
		}
		if o.Stderr == "&1" {
			o.Stderr = ""
		}
		p.Config.Output[stage] = o
	}
}

func (p *Plan) power(v any) {
	m, ok := v.(map[string]any)
	if !ok {
		p.Config.Broken["power_state_change"] = fmt.Sprintf("power_state is not a dictionary: %v", v)
		return
	}
	mode, _ := text(m["mode"])
	if !slices.Contains([]string{"poweroff", "reboot", "halt"}, mode) {
		p.Config.Broken["power_state_change"] = fmt.Sprintf("power_state[mode] required, must be one of: halt,poweroff,reboot. found: '%s'.", mode)
		return
	}
	if delay, _ := text(m["delay"]); !slices.Contains([]string{"", "now", "0", "+0"}, delay) {
		p.warn("power_state: a delay of %s is not kept: it happens at once", delay)
	}
	out := &Power{Mode: mode}
	out.Message, _ = text(m["message"])
	switch condition := m["condition"].(type) {
	case nil:
	case bool:
		out.Never = !condition
	case string:
		out.Condition = []byte("#!/bin/sh\n" + condition + "\n")
	case []any:
		out.Condition, _ = Shellify([]any{condition})
	}
	p.Config.Power = out
}

// Start shows the beginning of a text as cloud-init's log does.
func Start(b []byte) string {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	if len(line) < 24 {
		line = b
	}
	return strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(string(line[:min(len(line), 24)]))
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
