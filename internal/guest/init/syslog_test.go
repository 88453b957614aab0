package guestinit

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSyslogLine(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for message, want := range map[string]string{
		"<13>Nov 22 06:32:01 user-data: done":      "Nov 22 06:32:01 web user-data: done\n",
		"<13>Nov  2 06:32:01 user-data[7]: a\nb\n": "Nov  2 06:32:01 web user-data[7]: a#012b\n",
		"<191>app: no time\x00":                    "Mar  4 05:06:07 web app: no time\n",
		"bare":                                     "Mar  4 05:06:07 web bare\n",
		"<not a priority> text":                    "Mar  4 05:06:07 web <not a priority> text\n",
		"":                                         "Mar  4 05:06:07 web \n",
	} {
		if got := syslogLine(message, "web.example.local", now); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}

func TestKeepMessageAppends(t *testing.T) {
	file := filepath.Join(t.TempDir(), "messages")
	keepMessage(file, "a\n")
	keepMessage(file, "b\n")
	if got, err := os.ReadFile(file); err != nil || string(got) != "a\nb\n" {
		t.Errorf("%q %v", got, err)
	}
	keepMessage(filepath.Join(file, "beneath"), "c\n") // nowhere to keep it
}
