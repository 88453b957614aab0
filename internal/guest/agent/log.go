package agent

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	logFile    = "/var/log/amazon/ssm/amazon-ssm-agent.log"
	maxLogSize = 1 << 20
)

// logger writes the agent's log; changes of state go to the unit's log too, which
// the console shows.
type logger struct {
	path string
	unit io.Writer

	mu    sync.Mutex // guards what follows
	state string
	once  map[string]bool
}

// file writes a line to the log.
func (l *logger) file(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(fmt.Sprintf(format, args...))
}

// line keeps the log and the one before it; an agent that cannot write its log
// works all the same.
func (l *logger) line(text string) {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return
	}
	if info, err := os.Stat(l.path); err == nil && info.Size() > maxLogSize {
		_ = os.Rename(l.path, l.path+".1")
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = fmt.Fprintf(f, "%s INFO [amazon-ssm-agent] %s\n", time.Now().UTC().Format("2006-01-02 15:04:05.0000"), text)
	_ = f.Close()
}

// change says what the agent's state is, if it was another.
func (l *logger) change(state, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if why != "" {
		why = ": " + why
	}
	if l.state == state {
		return
	}
	l.state = state
	l.line(state + why)
	_, _ = fmt.Fprintln(l.unit, state+why)
}

// tell says something once.
func (l *logger) tell(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.once[text] {
		return
	}
	if l.once == nil {
		l.once = map[string]bool{}
	}
	l.once[text] = true
	l.line(text)
	_, _ = fmt.Fprintln(l.unit, text)
}
