package rootfs

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest/tools"
)

// imageRoot overlays the image, which all guests of it share, with the disk.
func (b *builder) imageRoot() error {
	upper, work := filepath.Join(b.over, "root"), filepath.Join(b.over, "root.work")
	for _, d := range []string{upper, work, b.root} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,userxattr", b.cfg.Root, upper, work)
	if err := unix.Mount("overlay", b.root, "overlay", unix.MS_NODEV, options); err != nil {
		return fmt.Errorf("overlay: %w", err)
	}
	return nil
}

// imageDirs makes the directories that guests cannot be without, and that images
// without a distribution lack.
func (b *builder) imageDirs() error {
	for _, d := range []struct {
		path string
		mode os.FileMode
	}{
		{"dev", 0o755}, {"etc", 0o755}, {"home", 0o755}, {"proc", 0o555}, {"root", 0o700}, {"run", 0o755}, {"sys", 0o555},
		{"tmp", 0o777 | os.ModeSticky}, {"var", 0o755}, {"var/lib", 0o755}, {"var/log", 0o755}, {"var/tmp", 0o777 | os.ModeSticky},
		{"usr", 0o755}, {"usr/lib", 0o755}, {"usr/lib/musubi", 0o755},
		{"usr/local", 0o755},
	} {
		at := b.path(d.path)
		if info, err := os.Stat(at); err == nil && info.IsDir() {
			continue
		}
		// A file, or a link that leads to nothing.
		if err := os.RemoveAll(at); err != nil {
			return err
		}
		if err := os.Mkdir(at, 0o755); err != nil {
			return err
		}
		if err := os.Chmod(at, d.mode); err != nil {
			return err
		}
	}
	return nil
}

// imageEtc writes what the guest needs to know itself. The rest is the image's,
// but for what an instance would be lost without.
func (b *builder) imageEtc() error {
	each := map[string]string{"etc/hostname": b.cfg.Hostname + "\n", "etc/resolv.conf": b.resolvConf()}
	if err := b.write(each); err != nil {
		return err
	}
	if err := b.ownIdentity(); err != nil || !b.fresh {
		return err
	}
	once := map[string]string{
		"etc/hosts": "127.0.0.1   localhost localhost.localdomain\n::1         localhost ip6-localhost ip6-loopback\n",
	}
	if !b.filled("etc/machine-id") {
		once["etc/machine-id"] = machineID(b.cfg.InstanceID) + "\n"
	}
	if !b.filled("etc/os-release") && !b.filled("usr/lib/os-release") {
		once["etc/os-release"] = "NAME=\"Linux\"\nID=linux\nPRETTY_NAME=\"Linux\"\nVARIANT=\"Musubi guest\"\n"
	}
	// Its user for downloads is one too many where there is a single user id.
	if info, err := os.Stat(b.path("etc/apt/apt.conf.d")); err == nil && info.IsDir() && !b.cfg.ManyIDs {
		once["etc/apt/apt.conf.d/99musubi"] = "APT::Sandbox::User \"root\";\n"
	}
	if err := b.write(once); err != nil {
		return err
	}
	if err := b.accounts(); err != nil {
		return err
	}
	return b.imageTrust()
}

// filled tells whether a file has anything in it.
func (b *builder) filled(name string) bool {
	info, err := os.Stat(b.path(name))
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// replaced are the programs that speak to an init that is not there.
var replaced = []string{"systemctl", "shutdown", "reboot", "poweroff", "halt"}

// added are the stand-ins that an image gets besides: for all else it has its own
// package manager.
var added = []string{"service", "cloud-init", "cloud-init-per", agent}

// agent is Systems Manager's, which its unit names by its path.
const agent = "amazon-ssm-agent"

// imageTools puts the few stand-ins where they are found first, and in the place
// of those that cannot work here.
func (b *builder) imageTools() error {
	if !b.fresh {
		return nil
	}
	for _, name := range replaced {
		for _, dir := range []string{"bin", "sbin", "usr/bin", "usr/sbin"} {
			at := b.path(filepath.Join(dir, name))
			if _, err := os.Lstat(at); err == nil {
				if err := errors.Join(os.Remove(at), os.Symlink(Program, at)); err != nil {
					return err
				}
			}
		}
	}
	for _, t := range tools.Preinstalled() {
		isAdded := slices.Contains(added, t.Name)
		if !isAdded && !slices.Contains(replaced, t.Name) || isAdded && has(t.Name) && t.Name == "service" {
			continue
		}
		dir := "usr/local/bin"
		switch {
		case t.Name == agent:
			dir = "usr/bin"
		case t.Sbin:
			dir = "usr/local/sbin"
		}
		if err := os.MkdirAll(b.path(dir), 0o755); err != nil {
			return err
		}
		if err := symlink(Program, b.path(filepath.Join(dir, t.Name))); err != nil {
			return err
		}
	}
	if err := b.write(tools.PreinstalledFiles()); err != nil {
		return err
	}
	for link, target := range tools.PreinstalledLinks() {
		if err := os.MkdirAll(filepath.Dir(b.path(link)), 0o755); err != nil {
			return err
		}
		if err := symlink(target, b.path(link)); err != nil {
			return err
		}
	}
	return b.imageProgram()
}

// imageUnit runs what the image says is to be run.
const imageUnit = `[Unit]
Description=The program of this instance's image

[Service]
ExecStart=` + tools.ImageProgram + `
Restart=no

[Install]
WantedBy=multi-user.target
`

// imageProgram makes a service of the image's entry point.
func (b *builder) imageProgram() error {
	p := b.cfg.Program
	if p == nil || len(p.Args) == 0 {
		return nil
	}
	text, err := json.Marshal(tools.ProgramFile{Args: p.Args, Env: p.Env, Dir: p.Dir, User: p.User})
	if err != nil {
		return err
	}
	const unit = "etc/systemd/system/image.service"
	if err := b.write(map[string]string{unit: imageUnit, tools.ImageProgramFile[1:]: string(text)}); err != nil {
		return err
	}
	if err := symlink(Program, b.path(tools.ImageProgram)); err != nil {
		return err
	}
	return b.enable("/" + unit)
}
