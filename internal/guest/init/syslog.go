package guestinit

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/guest/initctl"
)

// syslogFile is where messages to syslog are kept.
const syslogFile = "/var/log/messages"

// syslog takes what programs send to /dev/log, which leads to this socket: logger
// fails without, and with it the user data that pipes its output through logger.
func (g *guest) syslog() error {
	_ = os.Remove(initctl.SyslogSocket)
	if err := os.MkdirAll(filepath.Dir(initctl.SyslogSocket), 0o755); err != nil {
		return err
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: initctl.SyslogSocket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("syslog's socket: %w", err)
	}
	if err := os.Chmod(initctl.SyslogSocket, 0o666); err != nil {
		return err
	}
	go func() { // until init ends, and the guest with it
		message := make([]byte, 8<<10)
		for {
			n, err := c.Read(message)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				host, _ := os.Hostname()
				keepMessage(syslogFile, syslogLine(string(message[:n]), host, time.Now()))
			}
		}
	}()
	return nil
}

// keepMessage appends to the file anew each time, as it may have been rotated. A
// message for which there is no room is lost, as with any syslog.
func keepMessage(file, line string) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = f.WriteString(line)
	_ = f.Close()
}

// syslogLine is a message as the file has it: without its priority, with the
// host's name after the time, and on one line.
func syslogLine(message, host string, now time.Time) string {
	if rest, ok := strings.CutPrefix(message, "<"); ok {
		if priority, text, ok := strings.Cut(rest, ">"); ok && len(priority) <= 3 {
			message = text
		}
	}
	stamp := now.Format(time.Stamp)
	if n := len(time.Stamp); len(message) > n && message[n] == ' ' {
		if _, err := time.Parse(time.Stamp, message[:n]); err == nil {
			stamp, message = message[:n], message[n+1:]
		}
	}
	short, _, _ := strings.Cut(host, ".")
	message = strings.ReplaceAll(strings.TrimRight(message, "\x00\r\n"), "\n", "#012")
	return stamp + " " + short + " " + message + "\n"
}
