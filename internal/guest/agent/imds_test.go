package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

// An instance without a role asks for one again and again: once it has a token that
// is one request each time.
func TestTokenIsKept(t *testing.T) {
	puts, gets, valid := 0, 0, ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut:
			puts++
			valid = fmt.Sprint("token", puts)
			_, _ = fmt.Fprint(w, valid)
		case r.Header.Get("X-aws-ec2-metadata-token") != valid:
			gets++
			w.WriteHeader(http.StatusUnauthorized)
		default:
			gets++
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer s.Close()
	m := newMetadata(s.URL)
	ask := func(wantPuts, wantGets int) {
		t.Helper()
		if _, err := m.credentials(context.Background()); !errors.Is(err, errNoRole) {
			t.Error(err)
		}
		if puts != wantPuts || gets != wantGets {
			t.Errorf("%d tokens, %d requests; want %d, %d", puts, gets, wantPuts, wantGets)
		}
	}
	ask(1, 1)
	ask(1, 2)
	valid = "of a service that was started again"
	ask(2, 4)
	m.tokenUntil = time.Now().Add(time.Second)
	ask(3, 5)
}

// An agent that has nothing to send has no timer.
func TestRepliesWaitQuietly(t *testing.T) {
	r := newReplies()
	if now, later, _ := r.due(); len(now) > 0 || later != nil {
		t.Error(now, later)
	}
	_, _, changed := r.due()
	r.add(reply("c-1"))
	<-changed
	now, later, _ := r.due()
	if len(now) != 1 || later == nil {
		t.Fatal(now, later)
	}
	if again, later, _ := r.due(); len(again) > 0 || later == nil {
		t.Error("a reply that was sent is to be sent again later:", again, later)
	}
	r.done(now[0].frame)
	if _, later, _ := r.due(); later != nil {
		t.Error("there is nothing more to send")
	}
}

func reply(job string) sessionwire.Reply { return sessionwire.Reply{JobID: job} }

// News ends a wait, and so does the agent's end.
func TestPauseUntil(t *testing.T) {
	news := make(chan struct{}, 1)
	news <- struct{}{}
	if !pauseUntil(context.Background(), time.Hour, news) {
		t.Error("news is no end")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if pauseUntil(ctx, time.Hour, news) {
		t.Error("the end is none")
	}
}
