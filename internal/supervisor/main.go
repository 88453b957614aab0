package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest/reap"
)

// supervisor is process 1 of the namespaces.
type supervisor struct {
	settings settings
	dir      *os.File // the state directory
	reaper   *reap.Reaper
	daemon   *daemon
	guests   *guests
	sessions sync.WaitGroup
	stopping chan struct{} // closed by the first end
	once     sync.Once
	reason   string // why it ends, if that is a failure
}

// Main is the hidden command __supervisor.
func Main([]string) int {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "musubi:", err)
		return 1
	}
	return 0
}

func run() error {
	s := &supervisor{reaper: reap.New(), stopping: make(chan struct{})}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT)
	// Caught and dropped; ignoring would be inherited by daemon and guests.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGPIPE)
	if err := s.receive(); err != nil {
		return err
	}
	defer tidyOnce(s)
	if err := s.enter(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go s.reaper.Run(ctx)
	s.guests = newGuests(s.reaper, s.settings.ManyIDs)
	s.guests.limiter = newLimiter(s.settings)
	var err error
	if s.daemon, err = newDaemon(s); err != nil {
		return err
	}
	listener, err := s.serve()
	if err != nil {
		return err
	}
	if s.settings.Leash {
		go s.watchLeash(os.NewFile(leashFD, "leash"))
	} else {
		_ = unix.Close(leashFD)
	}
	daemonDone := make(chan struct{})
	go func() { defer close(daemonDone); s.daemon.keep() }()
	select {
	case <-signals:
		s.end("")
	case <-s.stopping:
	}
	// First the daemon: it would take the guests' end for theirs own doing.
	<-daemonDone
	s.guests.close()
	tidy(s.dir)
	_ = listener.Close()
	s.sessions.Wait()
	if s.reason != "" {
		return errors.New(s.reason)
	}
	return nil
}

func tidyOnce(s *supervisor) {
	if s.dir != nil {
		tidy(s.dir)
	}
}

// end makes the supervisor stop; the first reason counts.
func (s *supervisor) end(reason string) {
	s.once.Do(func() {
		s.reason = reason
		close(s.stopping)
	})
}

// watchLeash ends the supervisor when whoever started it in the foreground has
// gone: the other end of the pipe is then closed.
func (s *supervisor) watchLeash(f *os.File) {
	_, _ = io.Copy(io.Discard, f)
	s.end("")
	// Nobody waits for an orderly end any more, but the guests' user may look
	// at the directory: keep to the order, not for long.
	time.AfterFunc(20*time.Second, func() { os.Exit(1) })
}

// receive learns the settings, which arrive once the ids are mapped.
func (s *supervisor) receive() error {
	f := os.NewFile(settingsFD, "settings")
	if err := json.NewDecoder(f).Decode(&s.settings); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	_ = f.Close()
	if !s.settings.Again {
		for fd := settingsFD; fd <= brokerFD; fd++ {
			syscall.CloseOnExec(fd)
		}
		for _, g := range s.settings.Groups {
			syscall.CloseOnExec(g.FD)
		}
		return nil
	}
	return s.again()
}

// again executes the program once more: the first time its id was not mapped
// yet, which cost it its rights.
func (s *supervisor) again() error {
	s.settings.Again = false
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	if err := json.NewEncoder(w).Encode(s.settings); err != nil {
		return err
	}
	_ = w.Close()
	if fd := int(r.Fd()); fd != settingsFD {
		err = unix.Dup3(fd, settingsFD, 0)
	} else {
		_, err = unix.FcntlInt(settingsFD, unix.F_SETFD, 0)
	}
	if err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", []string{"musubi", command}, os.Environ())
}
