package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

// plugin is the other side as AWS's plugin plays it.
type plugin struct {
	mu       sync.Mutex
	expected int64
	early    map[int64]sessionwire.Frame
	got      bytes.Buffer
	next     int64
	unacked  map[int64][]byte
	reply    func(raw []byte)
}

func (p *plugin) take(f sessionwire.Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch f.Type {
	case sessionwire.TypeAcknowledge:
		var a sessionwire.Acknowledge
		_ = json.Unmarshal(f.Payload, &a)
		delete(p.unacked, a.Sequence)
	case sessionwire.TypeOutput:
		if f.Sequence < p.expected {
			return // the plugin says nothing to what it had
		}
		p.acknowledge(f)
		p.early[f.Sequence] = f
		for next, ok := p.early[p.expected]; ok; next, ok = p.early[p.expected] {
			delete(p.early, p.expected)
			p.got.Write(next.Payload)
			p.expected++
		}
	}
}

func (p *plugin) acknowledge(f sessionwire.Frame) {
	payload, _ := json.Marshal(sessionwire.Acknowledge{Type: f.Type, ID: sessionwire.IDString(f.ID), Sequence: f.Sequence, Sequential: true})
	p.reply(frame(sessionwire.TypeAcknowledge, 0, payload).Encode())
}

// send sends input.
func (p *plugin) send(payloadType uint32, payload []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := frame(sessionwire.TypeInput, payloadType, payload)
	f.Sequence = p.next
	p.next++
	p.unacked[f.Sequence] = f.Encode()
	p.reply(p.unacked[f.Sequence])
}

func (p *plugin) resend() (left int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, raw := range p.unacked {
		p.reply(raw)
	}
	return len(p.unacked)
}

// lossy delivers late, out of order, twice or, but for acknowledgements of
// output, which the hub makes good, not at all.
type lossy struct {
	to    func(sessionwire.Frame)
	rand  *rand.Rand
	mu    sync.Mutex
	lose  bool
	queue sync.WaitGroup
}

func (l *lossy) send(raw []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := sessionwire.Decode(raw)
	if err != nil {
		return err
	}
	times := 1
	if l.lose && f.Type != sessionwire.TypeAcknowledge {
		times = l.rand.IntN(4) % 3 // 0, 1, 2, 0
	}
	for range times {
		delay := time.Duration(l.rand.IntN(30)) * time.Millisecond
		l.queue.Go(func() {
			time.Sleep(delay)
			l.to(f)
		})
	}
	return nil
}

func TestStreamLossAndReordering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		p := &plugin{early: map[int64]sessionwire.Frame{}, unacked: map[int64][]byte{}}
		there := &lossy{to: p.take, rand: rand.New(rand.NewPCG(1, 2)), lose: true}
		back := &lossy{to: s.take, rand: rand.New(rand.NewPCG(3, 4)), lose: true}
		p.reply = func(raw []byte) { _ = back.send(raw) }
		s.attach(there)
		var wg sync.WaitGroup
		wg.Go(func() { s.resend(ctx) })

		var want, heard bytes.Buffer
		wg.Go(func() {
			for range 300 {
				f, err := s.read(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				heard.Write(f.Payload)
			}
		})
		for i := range 300 {
			line := bytes.Repeat([]byte{byte(i)}, i+1)
			want.Write(line)
			if err := s.write(ctx, sessionwire.PayloadOutput, line); err != nil {
				t.Fatal(err)
			}
			p.send(sessionwire.PayloadOutput, line)
			time.Sleep(time.Millisecond)
		}
		for p.resend() > 0 {
			time.Sleep(100 * time.Millisecond)
		}
		if err := s.drain(ctx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		cancel()
		wg.Wait()
		there.queue.Wait()
		back.queue.Wait()
		if !bytes.Equal(p.got.Bytes(), want.Bytes()) {
			t.Errorf("the client got %d bytes, want %d, in order", p.got.Len(), want.Len())
		}
		if !bytes.Equal(heard.Bytes(), want.Bytes()) {
			t.Errorf("the agent got %d bytes, want %d, in order", heard.Len(), want.Len())
		}
	})
}

func TestStreamWindowPauseAndReconnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream()
		p := &plugin{early: map[int64]sessionwire.Frame{}, unacked: map[int64][]byte{}, reply: func([]byte) {}}
		mute := &lossy{to: p.take, rand: rand.New(rand.NewPCG(1, 2))}
		s.attach(mute)
		s.take(frame(sessionwire.TypePause, 0, nil))
		full := make(chan struct{})
		go func() { // fills the window of a client that is away, and then waits
			defer close(full)
			for range 2 * windowBytes / chunk {
				if err := s.write(t.Context(), sessionwire.PayloadOutput, make([]byte, chunk)); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		synctest.Wait()
		select {
		case <-full:
			t.Fatal("the window has no bound")
		default:
		}
		if p.got.Len() > 0 {
			t.Error("output was sent while paused")
		}
		s.detach(mute)
		fresh := &lossy{to: p.take, rand: rand.New(rand.NewPCG(1, 2))}
		p.mu.Lock()
		p.reply = func(raw []byte) {
			f, _ := sessionwire.Decode(raw)
			go s.take(f)
		}
		p.mu.Unlock()
		s.attach(fresh)
		<-full
		if err := s.drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		mute.queue.Wait()
		fresh.queue.Wait()
		if want := 2 * windowBytes / chunk * chunk; p.got.Len() != want {
			t.Errorf("got %d bytes, want %d", p.got.Len(), want)
		}
		synctest.Wait()
		s.take(frame(sessionwire.TypeClosed, 0, []byte(`{"Output":"terminated"}`)))
		if _, err := s.read(t.Context()); !errors.Is(err, errEnded) {
			t.Errorf("reading after the end: %v", err)
		}
	})
}
