package sessionwire_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

func sample() sessionwire.Frame {
	return sessionwire.Frame{
		Type: sessionwire.TypeInput, Schema: 1, Created: time.UnixMilli(1503434274948).UTC(), Sequence: 2, Flags: 3,
		ID:          [16]byte{0xdd, 0x01, 0xe5, 0x6b, 0xff, 0x48, 0x48, 0x3e, 0xa5, 0x08, 0xb5, 0xf0, 0x73, 0xf3, 0x1b, 0x16},
		PayloadType: 1, Payload: []byte("payload"),
	}
}

// The layout is spelled out here as the plugin's source describes it.
func TestLayout(t *testing.T) {
	digest := sha256.Sum256([]byte("payload"))
	want := "00000074" +
		hex.EncodeToString([]byte("input_stream_data"+strings.Repeat(" ", 15))) +
		"00000001" + "0000015e0ba1a904" + "0000000000000002" + "0000000000000003" +
		"a508b5f073f31b16" + "dd01e56bff48483e" + // least significant half first
		hex.EncodeToString(digest[:]) +
		"00000001" + "00000007" + hex.EncodeToString([]byte("payload"))
	f := sample()
	f.Created = time.UnixMilli(0x15e0ba1a904)
	if got := hex.EncodeToString(f.Encode()); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	if got, want := sessionwire.IDString(f.ID), "dd01e56b-ff48-483e-a508-b5f073f31b16"; got != want {
		t.Errorf("id %s, want %s", got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	for name, change := range map[string]func(*sessionwire.Frame){
		"plain":        func(*sessionwire.Frame) {},
		"empty":        func(f *sessionwire.Frame) { f.Payload = []byte{} },
		"negative":     func(f *sessionwire.Frame) { f.Sequence = -1 },
		"full type":    func(f *sessionwire.Frame) { f.Type = strings.Repeat("x", 32) },
		"binary, long": func(f *sessionwire.Frame) { f.Payload = bytes.Repeat([]byte{0, 255}, 40000) },
	} {
		t.Run(name, func(t *testing.T) {
			f := sample()
			change(&f)
			got, err := sessionwire.Decode(f.Encode())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(f, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestMalformed(t *testing.T) {
	good := sample().Encode()
	for name, change := range map[string]func([]byte) []byte{
		"empty":         func([]byte) []byte { return nil },
		"short":         func(b []byte) []byte { return b[:119] },
		"cut":           func(b []byte) []byte { return b[:len(b)-1] },
		"more":          func(b []byte) []byte { return append(b, 'x') },
		"header length": func(b []byte) []byte { b[3] = 200; return b },
		"digest":        func(b []byte) []byte { b[80] ^= 1; return b },
		"payload":       func(b []byte) []byte { b[121] ^= 1; return b },
		"no type":       func(b []byte) []byte { copy(b[4:36], strings.Repeat(" ", 32)); return b },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := sessionwire.Decode(change(bytes.Clone(good))); !errors.Is(err, sessionwire.ErrFrame) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sample().Encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := sessionwire.Decode(b)
		if err != nil {
			return
		}
		again, err := sessionwire.Decode(frame.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(frame, again); d != "" {
			t.Error(d)
		}
	})
}
