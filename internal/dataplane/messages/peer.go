package messages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

const (
	// maxMessage bounds a message: a frame of the largest payload.
	maxMessage = sessionwire.MaxPayload + 256
	// openTime is how long a peer has for its first message.
	openTime = 10 * time.Second
	// maxOpen bounds the first message.
	maxOpen = 16 << 10
)

// peer is an open WebSocket. One goroutine reads; any may write.
type peer struct {
	c       *websocket.Conn
	ctx     context.Context
	cancel  context.CancelFunc
	gone    time.Duration // how long it may take a message
	seen    atomic.Int64  // when it last gave a sign of life, in nanoseconds
	writing atomic.Int32  // writers under way
	done    chan struct{} // closed when both goroutines have ended
}

// accept makes a request a WebSocket and reads the token that it shows, while it has
// one of the places of those who have not. It has answered if it fails.
func (h *Hub) accept(w http.ResponseWriter, r *http.Request, opening chan struct{}) (*peer, sessionwire.OpenChannel, error) {
	var open sessionwire.OpenChannel
	if len(r.Header.Values("Origin")) > 0 {
		refuse(w, http.StatusForbidden, "Requests of web pages are refused.")
		return nil, open, errors.New("a request of a web page")
	}
	select {
	case opening <- struct{}{}:
		defer func() { <-opening }()
	default:
		refuse(w, http.StatusServiceUnavailable, "Too many connections are being opened.")
		return nil, open, ErrTooMany
	}
	p := &peer{gone: h.o.Gone, done: make(chan struct{})}
	p.alive()
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		OnPingReceived: func(context.Context, []byte) bool { p.alive(); return true },
		OnPongReceived: func(context.Context, []byte) { p.alive() },
	})
	if err != nil {
		return nil, open, err
	}
	p.c = c
	p.ctx, p.cancel = context.WithCancel(h.ctx)
	first, cancel := context.WithTimeout(p.ctx, openTime)
	defer cancel()
	c.SetReadLimit(maxOpen)
	_, data, err := c.Read(first)
	if err == nil {
		err = json.Unmarshal(data, &open)
	}
	if err != nil {
		p.refuse("The first message is to open the channel.")
		return nil, open, fmt.Errorf("open the channel: %w", err)
	}
	c.SetReadLimit(maxMessage)
	return p, open, nil
}

// refuse ends a peer that is to have no channel.
func (p *peer) refuse(why string) {
	_ = p.c.Close(websocket.StatusPolicyViolation, why) // it may be gone
	p.cancel()
}

// alive notes a sign of life.
func (p *peer) alive() { p.seen.Store(time.Now().UnixNano()) }

func (p *peer) lastSeen() time.Time { return time.Unix(0, p.seen.Load()) }

// read waits for the next frame; text is none.
func (p *peer) read() ([]byte, error) {
	for {
		kind, data, err := p.c.Read(p.ctx)
		if err != nil {
			return nil, err
		}
		p.alive()
		if kind == websocket.MessageBinary {
			return data, nil
		}
	}
}

// write sends a frame. A peer that does not take it in time is gone.
func (p *peer) write(raw []byte) error {
	p.writing.Add(1)
	defer p.writing.Add(-1)
	ctx, cancel := context.WithTimeout(p.ctx, p.gone)
	defer cancel()
	return p.c.Write(ctx, websocket.MessageBinary, raw)
}

// keepAlive asks for signs of life until the peer is gone. While something is
// being written it does not: then the writer has a time limit.
func (p *peer) keepAlive(every, gone time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-tick.C:
		}
		if time.Since(p.lastSeen()) > gone {
			p.cancel()
			return
		}
		if p.writing.Load() == 0 {
			ctx, cancel := context.WithTimeout(p.ctx, every)
			_ = p.c.Ping(ctx) // the answer is noted where it arrives
			cancel()
		}
	}
}

// finish says goodbye to a peer, which has all that was sent to it then.
func (p *peer) finish() {
	_ = p.c.Close(websocket.StatusNormalClosure, "") // it may be gone
	p.cancel()
}

// serve runs the peer: write in a goroutine of its own, read in this one, until
// either ends.
func (p *peer) serve(every, gone time.Duration, write, read func()) {
	defer close(p.done)
	ended := make(chan struct{}, 2)
	for _, work := range []func(){func() { p.keepAlive(every, gone) }, write} {
		go func() {
			defer func() { ended <- struct{}{} }()
			work()
		}()
	}
	read()
	p.cancel()
	<-ended
	<-ended
	_ = p.c.CloseNow() // it may be closed already
}
