package guestinit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/musubi-net/musubi/internal/guest/cloudinit"
	"github.com/musubi-net/musubi/internal/guest/initctl"
)

// consume reads the user data, keeps its parts where cloud-init does, and runs
// its boothooks. It is done on every boot.
func (c *cloudInit) consume(ctx context.Context) error {
	data, err := os.ReadFile(userDataFile)
	if err != nil {
		return err
	}
	c.plan = cloudinit.Compile(data, c.fetcher(ctx))
	for _, w := range c.plan.Warnings {
		c.warn("__init__.py", "%s", w)
	}
	if err := os.WriteFile(instanceDir+"/cloud-config.txt", c.plan.Merged, 0o600); err != nil {
		return err
	}
	for _, p := range c.plan.Parts {
		if err := c.keepPart(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (c *cloudInit) keepPart(ctx context.Context, p cloudinit.Part) error {
	body := []byte(strings.ReplaceAll(string(p.Body), "\r\n", "\n"))
	dir := instanceDir + "/scripts"
	switch p.Kind {
	case cloudinit.KindBoothook:
		return c.boothook(ctx, p.Name, strings.TrimPrefix(string(body), "#cloud-boothook"))
	case cloudinit.KindPerBoot:
		dir = cloudDir + "/scripts/per-boot"
	case cloudinit.KindPerInstance:
		dir = cloudDir + "/scripts/per-instance"
	case cloudinit.KindPerOnce:
		dir = cloudDir + "/scripts/per-once"
	case cloudinit.KindBare:
		if len(strings.TrimSpace(string(body))) == 0 {
			return nil
		}
		c.warn("__init__.py", "Unhandled non-multipart (%s) userdata: 'b'%s'...'", p.Kind, cloudinit.Start(p.Body))
		if !isText(p.Body) {
			return nil
		}
		// See docs/decisions/0002.
		c.say("Musubi runs it with /bin/bash all the same. ON AWS IT WOULD NOT RUN: begin it with #!/bin/bash")
		body = append([]byte("#!/bin/bash\n"), body...)
	}
	return writeScript(filepath.Join(dir, p.Name), body)
}

// isText tells text from what a shell should not even try.
func isText(b []byte) bool { return utf8.Valid(b) && !strings.ContainsRune(string(b), 0) }

func writeScript(path string, body []byte) error {
	if err := os.WriteFile(path, body, 0o700); err != nil {
		return err
	}
	return os.Chmod(path, 0o700)
}

// boothook runs a part that runs on every boot, before anything else.
func (c *cloudInit) boothook(ctx context.Context, name, body string) error {
	body = strings.TrimLeft(body, " \t\n")
	if !strings.HasPrefix(body, "#!") {
		c.warn("boot_hook.py", "Boothook %s does not begin with #!; Musubi runs it with /bin/sh", name)
		body = "#!/bin/sh\n" + body
	}
	path := filepath.Join(instanceDir, "boothooks", name)
	if err := writeScript(path, []byte(body)); err != nil {
		return err
	}
	if err := c.program(ctx, []string{path}, c.instanceEnv()); err != nil {
		c.warn("boot_hook.py", "Boothooks script %s execution error %v", path, err)
	}
	return nil
}

// instanceEnv tells a program which instance it runs in.
func (c *cloudInit) instanceEnv() []string {
	id, _ := os.ReadFile(cloudDir + "/data/instance-id")
	return []string{"INSTANCE_ID=" + strings.TrimSpace(string(id))}
}

// modules runs a stage's modules that are due, and returns what failed as
// status.json tells it. A failure does not stop the rest.
func (c *cloudInit) modules(ctx context.Context, stage, list string) []string {
	restore := c.redirect(stage)
	defer restore()
	do := map[string]func(context.Context) error{
		"bootcmd": c.bootcmd, "write_files": c.writeFiles(false), "set_hostname": c.hostname, "update_etc_hosts": c.etcHosts,
		"users_groups": c.usersGroups, "ssh": c.ssh, "locale": c.locale, "timezone": c.timezone, "runcmd": c.runcmd,
		"package_update_upgrade_install": c.packages, "write_files_deferred": c.writeFiles(true),
		"scripts_per_once":     c.runParts("scripts_per_once", cloudDir+"/scripts/per-once"),
		"scripts_per_boot":     c.runParts("scripts_per_boot", cloudDir+"/scripts/per-boot"),
		"scripts_per_instance": c.runParts("scripts_per_instance", cloudDir+"/scripts/per-instance"),
		"scripts_user":         c.runParts("scripts_user", instanceDir+"/scripts"),
		"final_message":        c.finalMessage, "power_state_change": c.powerState,
	}
	var failed []string
	for _, m := range c.plan.Config.Of(list) {
		if ctx.Err() != nil {
			break
		}
		due, err := c.due(m)
		if !due && err == nil {
			c.debug("helpers.py", "config-%s already ran (freq=%s)", dashed(m.Name), m.Frequency)
			continue
		}
		if broken, ok := c.plan.Config.Broken[m.Name]; ok {
			err = errors.New(broken)
		}
		if err == nil {
			c.debug("modules.py", "Running module %s with frequency %s", dashed(m.Name), m.Frequency)
			err = do[m.Name](ctx)
		}
		if err != nil {
			c.warn("util.py", "Running module %s (<module 'cloudinit.config.cc_%s'>) failed", dashed(m.Name), m.Name)
			c.debug("util.py", "%v", err)
			failed = append(failed, fmt.Sprintf("('%s', RuntimeError('%v'))", dashed(m.Name), err))
		}
	}
	return failed
}

func dashed(name string) string { return strings.ReplaceAll(name, "_", "-") }

// due tells whether a module is to run now and remembers that it did.
func (c *cloudInit) due(m cloudinit.Module) (bool, error) {
	path := instanceDir + "/sem/config_" + m.Name
	switch m.Frequency {
	case cloudinit.Always:
		return true, nil
	case cloudinit.Once:
		path = cloudDir + "/sem/config_" + m.Name + ".once"
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if os.IsExist(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = fmt.Fprintf(f, "%d: %f\n", os.Getpid(), *seconds())
	return true, errors.Join(err, f.Close())
}

func (c *cloudInit) bootcmd(ctx context.Context) error {
	if len(c.plan.Config.BootCommands) == 0 {
		return nil
	}
	path := instanceDir + "/data/bootcmd.sh"
	if err := writeScript(path, c.plan.Config.BootCommands); err != nil {
		return err
	}
	return c.program(ctx, []string{"/bin/sh", path}, c.instanceEnv())
}

// runcmd only writes the script: scripts-user runs it after the others.
func (c *cloudInit) runcmd(context.Context) error {
	if len(c.plan.Config.RunCommands) == 0 {
		return nil
	}
	return writeScript(instanceDir+"/scripts/runcmd", c.plan.Config.RunCommands)
}

// finalMessage says that all is done and leaves the file that scripts wait for.
func (c *cloudInit) finalMessage(context.Context) error {
	up := fmt.Sprintf("%.2f", c.uptime())
	message := c.plan.Config.FinalMessage
	values := map[string]string{"version": cloudinit.Version, "timestamp": now(), "uptime": up, "datasource": "DataSourceEc2"}
	switch template, isJinja := strings.CutPrefix(message, "## template:jinja"); {
	case message == "":
		c.say("Cloud-init v. %s (Musubi stand-in) finished at %s. Datasource DataSourceEc2.  Up %s seconds", cloudinit.Version, now(), up)
	case isJinja:
		for name, v := range values {
			for _, form := range []string{"{{%s}}", "{{ %s }}"} {
				template = strings.ReplaceAll(template, fmt.Sprintf(form, name), v)
				template = strings.ReplaceAll(template, fmt.Sprintf(form, strings.ToUpper(name)), v)
			}
		}
		c.say("%s", strings.TrimLeft(template, "\n"))
	default:
		c.say("%s", strings.TrimRight(os.Expand(message, func(name string) string { return values[strings.ToLower(name)] }), "\n"))
	}
	text := fmt.Sprintf("%s - %s - v. %s\n", up, time.Now().UTC().Format(time.RFC1123Z), cloudinit.Version)
	return os.WriteFile(instanceDir+"/boot-finished", []byte(text), 0o644)
}

// powerState changes the power once everything is written.
func (c *cloudInit) powerState(ctx context.Context) error {
	p := c.plan.Config.Power
	if p == nil || p.Never {
		return nil
	}
	if len(p.Condition) > 0 {
		path := instanceDir + "/data/power-condition.sh"
		if err := writeScript(path, p.Condition); err != nil {
			return err
		}
		if err := c.program(ctx, []string{path}, nil); err != nil {
			c.debug("cc_power_state_change.py", "Condition was false. Will not perform state change: %v", err)
			return nil
		}
	}
	if p.Message != "" {
		c.say("%s", p.Message)
	}
	code := initctl.ExitPowerOff
	if p.Mode == "reboot" {
		code = initctl.ExitReboot
	}
	c.atEnd = code
	c.changePower = true
	return nil
}
