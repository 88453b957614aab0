package cloudinit

import (
	"fmt"
	"slices"
	"strings"
)

// User is a user to be created, or completed if it is there.
type User struct {
	Name         string
	Default      bool // the image's own user
	UID          int  // 0: the next free one
	Gecos        string
	Home         string
	Shell        string
	PrimaryGroup string
	Groups       []string
	NoHome       bool
	NoUserGroup  bool
	System       bool
	Unlocked     bool   // lock_passwd: false
	Hash         string // of the password
	Sudo         []string
	SSHKeys      []string
}

// Group is a group to be created.
type Group struct {
	Name    string
	Members []string
}

// defaultUser is what Amazon Linux 2023's cloud.cfg says of ec2-user.
func defaultUser() map[string]any {
	return map[string]any{
		"name": DefaultUser, "gecos": "EC2 Default User", "shell": "/bin/bash", "lock_passwd": true,
		"groups": []any{"wheel", "adm", "systemd-journal"}, "sudo": []any{"ALL=(ALL) NOPASSWD:ALL"},
	}
}

func (p *Plan) groups(v any) {
	add := func(v any) {
		if name, ok := text(v); ok {
			for n := range strings.SplitSeq(name, ",") {
				p.group(strings.TrimSpace(n), nil)
			}
			return
		}
		m, _ := v.(map[string]any)
		for _, name := range sorted(m) {
			p.group(name, texts(m[name], ","))
		}
	}
	if list, ok := v.([]any); ok {
		for _, e := range list {
			add(e)
		}
		return
	}
	add(v)
}

func (p *Plan) group(name string, members []string) {
	if !ValidName(name) {
		p.warn("groups: %q is not a group's name; it is left out", name)
		return
	}
	for i, g := range p.Config.Groups {
		if g.Name == name {
			p.Config.Groups[i].Members = append(g.Members, members...)
			return
		}
	}
	p.Config.Groups = append(p.Config.Groups, Group{Name: name, Members: members})
}

// users reads users, and user, the older name for changes to the default one.
func (p *Plan) users(v, older any) {
	own := defaultUser()
	switch o := older.(type) {
	case string:
		own["name"] = o
	case map[string]any:
		for k, e := range o {
			own[k] = e
		}
	}
	list := []any{"default"}
	switch v := v.(type) {
	case nil:
	case []any:
		list, p.Config.UsersGiven = v, true
		if older != nil && !slices.ContainsFunc(list, isDefault) {
			list = append(slices.Clone(list), "default")
		}
	case string:
		p.Config.UsersGiven, list = true, nil
		for _, n := range texts(v, ",") {
			list = append(list, n)
		}
	case map[string]any:
		p.Config.UsersGiven, list = true, nil
		for _, n := range sorted(v) {
			m, ok := v[n].(map[string]any)
			if !ok && !truth(v[n], false) {
				continue
			}
			entry := map[string]any{"name": n}
			for k, e := range m {
				entry[k] = e
			}
			list = append(list, entry)
		}
	}
	for _, e := range list {
		p.user(e, own)
	}
}

func isDefault(e any) bool {
	m, _ := e.(map[string]any)
	return e == "default" || m["name"] == "default"
}

func (p *Plan) user(e any, own map[string]any) {
	var m map[string]any
	switch v := e.(type) {
	case string:
		if v == "default" {
			m = own
			break
		}
		for _, n := range texts(v, ",") {
			p.addUser(map[string]any{"name": n}, false)
		}
		return
	case []any:
		for _, n := range v {
			p.user(n, own)
		}
		return
	case map[string]any:
		m = v
	default:
		return // a comment is a null
	}
	if !isDefault(m) && e != "default" {
		p.addUser(m, false)
		return
	}
	whole := map[string]any{}
	for k, v := range own {
		whole[k] = v
	}
	for k, v := range m {
		if k != "name" {
			whole[k] = v
		}
	}
	p.addUser(whole, true)
}

// carried are the settings of a user that are carried out.
var carried = []string{
	"name", "uid", "gecos", "homedir", "shell", "primary_group", "primary-group", "groups", "no_create_home", "no-create-home",
	"no_user_group", "no-user-group", "system", "lock_passwd", "lock-passwd", "passwd", "hashed_passwd", "sudo",
	"ssh_authorized_keys", "ssh-authorized-keys", "no_log_init", "no-log-init", "create_groups", "inactive", "default",
}

func (p *Plan) addUser(m map[string]any, isDefault bool) {
	get := func(key string) any {
		if v, ok := m[key]; ok {
			return v
		}
		return m[strings.ReplaceAll(key, "_", "-")]
	}
	str := func(key string) string { s, _ := text(get(key)); return s }
	u := User{
		Name: str("name"), Default: isDefault, Gecos: str("gecos"), Home: str("homedir"), Shell: str("shell"),
		PrimaryGroup: str("primary_group"), Groups: texts(get("groups"), ","), NoHome: truth(get("no_create_home"), false),
		NoUserGroup: truth(get("no_user_group"), false), System: truth(get("system"), false),
		Unlocked: !truth(get("lock_passwd"), true), Hash: str("hashed_passwd"), SSHKeys: texts(get("ssh_authorized_keys"), "\n"),
	}
	if !ValidName(u.Name) {
		p.warn("users: %q is not a user's name; it is left out", u.Name)
		return
	}
	if u.Hash == "" {
		u.Hash = str("passwd")
	}
	if n, ok := get("uid").(int); ok && n > 0 && n < 65000 {
		u.UID = n
	} else if s := str("uid"); s != "" {
		if _, err := fmt.Sscanf(s, "%d", &u.UID); err != nil || u.UID <= 0 || u.UID >= 65000 {
			p.warn("users: %s: uid %s cannot be had in an instance of Musubi; the next free one is taken", u.Name, s)
			u.UID = 0
		}
	}
	if v := get("sudo"); v != nil && v != false {
		u.Sudo = texts(v, "\n")
	}
	u.Groups = slices.DeleteFunc(u.Groups, func(g string) bool { return !ValidName(g) })
	for _, s := range []*string{&u.Gecos, &u.Home, &u.Shell, &u.Hash} {
		if strings.ContainsAny(*s, ":\n") {
			p.warn("users: %s: %q cannot stand in /etc/passwd; it is left out", u.Name, *s)
			*s = ""
		}
	}
	for _, k := range sorted(m) {
		if !slices.Contains(carried, k) {
			p.warn("users: %s: %s is not carried out by Musubi's cloud-init", u.Name, k)
		}
	}
	p.Config.Users = append(p.Config.Users, u)
}

// ValidName tells whether a user or group may have a name.
func ValidName(s string) bool {
	if s == "" || len(s) > 32 || s[0] == '-' {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_.-$", r) {
			return false
		}
	}
	return true
}
