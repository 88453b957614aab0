package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestIDs(t *testing.T) {
	got := ids("<a>i-0123456789abcdef0</a><b>i-0123456789abcdef0</b> vpci-0123456789abcdef1 i-1", "i")
	if len(got) != 1 || got[0] != "i-0123456789abcdef0" {
		t.Error(got)
	}
}

func TestSummarize(t *testing.T) {
	got := summarize([]time.Duration{30 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond})
	if got != (times{20, 30}) {
		t.Error(got)
	}
}

func TestText(t *testing.T) {
	r := result{Count: 300, First: times{100, 200}, Last: times{150, 300}, GuestKiB: 2048}
	for _, want := range []string{"1.50", "2.0 MiB", "with 300 instances"} {
		if !strings.Contains(r.text(), want) {
			t.Errorf("%q is not in\n%s", want, r.text())
		}
	}
}

func TestShares(t *testing.T) {
	own, guests, err := shares(os.Getpid())
	if err != nil || own <= 0 || guests != 0 {
		t.Error(own, guests, err)
	}
}

func TestBusy(t *testing.T) {
	begin, err := busy(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); {
		now, err := busy(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now >= begin+5*tick {
			return
		}
	}
	t.Error("a process that is busy is not seen to be")
}
