package guestinit

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/wire"
)

// elevate serves sudo of ordinary users: nothing in a guest gains rights by
// executing a file, so init runs the program for those that sudoers lets.
func (g *guest) elevate() error {
	_ = os.Remove(initctl.SudoSocket)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: initctl.SudoSocket, Net: "unix"})
	if err != nil {
		return fmt.Errorf("sudo's socket: %w", err)
	}
	if err := os.Chmod(initctl.SudoSocket, 0o666); err != nil {
		return err
	}
	go func() { // until init ends, and the guest with it
		for {
			c, err := l.AcceptUnix()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				go g.elevated(c)
			}
		}
	}()
	return nil
}

// elevated runs one program for one user.
func (g *guest) elevated(c *net.UnixConn) {
	who, err := peer(c)
	conn := wire.New(c)
	var e initctl.Exec
	files, receive := conn.Receive(&e)
	if receive == nil && len(files) != 3 {
		receive = errors.New("sudo sends its three descriptors")
	}
	if err == nil {
		err = receive
	}
	if err == nil {
		err = mayElevate("/etc", who)
	}
	out := initctl.FromProgram{ExitCode: 1}
	if err == nil {
		out.ExitCode, err = g.program(e, conn, files)
	} else {
		wire.CloseAll(files)
	}
	if err != nil {
		out.Error = err.Error()
	}
	_ = conn.Send(out) // a client that has gone does not need it
	_ = conn.Close()
}

// peer is the user at the other end, as the kernel says.
func peer(c *net.UnixConn) (uint32, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var inner error
	if err := raw.Control(func(fd uintptr) { cred, inner = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, err
	}
	if inner != nil {
		return 0, inner
	}
	return cred.Uid, nil
}

// mayElevate looks for a rule that lets a user be root without a password: the
// rules that cloud-init and the agent write, for a user or a group, and no others.
func mayElevate(etc string, uid uint32) error {
	a := accounts{etc}
	if uid == 0 {
		return nil
	}
	name, ok := a.uidOf(int(uid))
	if !ok {
		return errors.New("you do not exist in the passwd database")
	}
	subjects := []string{name, "#" + strconv.Itoa(int(uid))}
	groups, err := a.lines("group")
	if err != nil {
		return err
	}
	for _, f := range groups {
		if len(f) >= 4 && slices.Contains(strings.Split(f[3], ","), name) {
			subjects = append(subjects, "%"+f[0])
		}
	}
	files, err := filepath.Glob(filepath.Join(etc, "sudoers.d", "*"))
	if err != nil {
		return err
	}
	for _, file := range append([]string{filepath.Join(etc, "sudoers")}, files...) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			who, rule, _ := strings.Cut(strings.TrimSpace(line), " ")
			rule = strings.Join(strings.Fields(strings.ReplaceAll(rule, " ", "")), "")
			if slices.Contains(subjects, who) && slices.Contains([]string{
				"ALL=(ALL)NOPASSWD:ALL", "ALL=(ALL:ALL)NOPASSWD:ALL", "ALL=NOPASSWD:ALL"}, rule) {
				return nil
			}
		}
	}
	return fmt.Errorf("%s is not in the sudoers file", name)
}
