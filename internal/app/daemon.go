package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/musubi-net/musubi/internal/awsapi/acm"
	"github.com/musubi-net/musubi/internal/awsapi/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/iam"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/awsapi/route53"
	"github.com/musubi-net/musubi/internal/awsapi/sns"
	"github.com/musubi-net/musubi/internal/awsapi/ssm"
	"github.com/musubi-net/musubi/internal/awsapi/sts"
	"github.com/musubi-net/musubi/internal/broker"
	"github.com/musubi-net/musubi/internal/ca"
	"github.com/musubi-net/musubi/internal/cloud"
	cloudiam "github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/control"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/guest"
	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/reconcile"
	"github.com/musubi-net/musubi/internal/supervisor"
)

// daemonCommand is the hidden command that the supervisor runs.
const daemonCommand = "__daemon"

// daemonOptions travel from `musubi up` to the daemon as its argument.
type daemonOptions struct {
	Version string
	Debug   bool
	// Internet lets the world reach the host's network.
	Internet bool
}

// daemon is the control plane and the user-space data plane.
type daemon struct {
	options    daemonOptions
	api        string // http://127.0.0.1:4566
	log        *slog.Logger
	started    time.Time
	engine     *engine.Engine
	front      *protocol.Handler
	guests     *guest.Manager
	images     *guestImages
	reconciler *reconcile.Reconciler
	authority  *ca.Authority
	sessions   *sessions
	inside     atomic.Pointer[doorway]
	broker     *broker.Client // connects from the host's network
	portErrors func(ctx context.Context, vpcID string) (uint64, error)
}

// runDaemon is the hidden command __daemon.
func runDaemon(args []string) int {
	var o daemonOptions
	if len(args) != 1 || json.Unmarshal([]byte(args[0]), &o) != nil {
		fmt.Fprintln(os.Stderr, "musubi: the daemon is started by musubi up")
		return 2
	}
	level := slog.LevelInfo
	if o.Debug {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	in, err := supervisor.Inherit()
	if err != nil {
		log.Error("daemon: inherit", "error", err)
		return 1
	}
	d := &daemon{options: o, api: "http://" + in.API.Addr().String(), log: log, started: time.Now(), guests: in.Guests, broker: in.Broker}
	if err := d.run(ctx, in); err != nil {
		log.Error("daemon ended", "error", err)
		return 1
	}
	return 0
}

// run serves until ctx ends, and takes everything down in reverse order.
func (d *daemon) run(ctx context.Context, in *supervisor.Inherited) (err error) {
	e, store, err := openEngine(ctx, supervisor.StateDir)
	if err != nil {
		// Starting again would not help.
		return errors.Join(err, d.guests.Fatal(ctx, err.Error()), d.guests.Close())
	}
	d.engine = e
	defer func() { err = errors.Join(err, d.guests.Close(), d.broker.Close(), store.Close()) }()
	if d.authority, err = ca.Open(supervisor.StateDir, time.Now()); err != nil {
		return errors.Join(err, d.guests.Fatal(ctx, err.Error()))
	}
	world, err := kernel.Open(ctx, kernel.Options{Dir: filepath.Join(supervisor.RunDir, "netns"), Log: d.log})
	if err != nil {
		return fmt.Errorf("open the world: %w", err)
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	d.portErrors = world.PortErrors
	if d.sessions, err = newSessions(ctx, d); err != nil {
		return err
	}
	defer d.sessions.hub.Close()
	if d.front, err = newFront(e, d.guests, d.sessions, d.options.Version, d.log); err != nil {
		return err
	}
	if d.reconciler, err = newReconciler(d, world); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return serve(ctx, in.API, d.front) })
	g.Go(func() error { return serve(ctx, in.Local, d.controlHandler()) })
	g.Go(func() error { return d.reconciler.Run(ctx) })
	g.Go(func() error { return d.serveInside(ctx, world) })
	g.Go(func() error { return d.sessions.run(ctx) })
	g.Go(func() error { return d.serveWayOut(ctx, world) })
	if err := d.guests.Ready(ctx); err != nil {
		d.log.Error("tell the supervisor", "error", err)
	}
	d.log.Info("musubi serves", "api", d.api, "version", d.options.Version)
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// newFront makes the API's front door. Adapters get the engine through
// DryRunner, which keeps a dry run from committing.
func newFront(e *engine.Engine, guests *guest.Manager, sessions *sessions, version string, log *slog.Logger) (*protocol.Handler, error) {
	runner := protocol.DryRunner(e)
	return protocol.NewHandler(protocol.Options{
		Services: []protocol.Service{
			ec2.New(ec2.Options{Engine: runner, Console: guests.Console, Guests: runningGuests(guests)}).Service(),
			elbv2.New(elbv2.Options{Engine: runner, Objects: objectsIn(bucketsDir())}).Service(),
			route53.New(runner).Service(),
			iam.New(runner).Service(),
			sts.New(runner).Service(),
			sns.New(runner).Service(),
			acm.New(runner, time.Now).Service(),
			sessions.polls().Service(),
			ssm.New(ssm.Options{Engine: runner, Agents: sessions.hub, Now: time.Now}).Service(),
		},
		Plain:    []protocol.Plain{sessions.messages().Service()},
		Identify: func(key string) (cloud.Caller, bool) { return cloudiam.Identify(e.Snapshot(), key) },
		Expired:  func(key string) bool { return cloudiam.Expired(e.Snapshot(), key, time.Now()) },
		Secret: func(key string) (string, string, bool) {
			s, ok := cloudiam.Sessions.Get(e.Snapshot(), key)
			return s.SecretKey, s.Token, ok
		},
		Authorize: authorizer{reader: func() cloud.Reader { return e.Snapshot() }, now: time.Now}.authorize,
		Version:   version,
		Log:       log,
	})
}

// serve answers HTTP until ctx ends, then lets what is under way finish.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	done := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		done <- s.Shutdown(grace)
	}()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done
}

func (d *daemon) ready() bool { return d.reconciler.Status().Ready }

func (d *daemon) world(ctx context.Context) control.World {
	s := d.reconciler.Status()
	return control.World{VPCs: s.VPCs, Guests: s.Guests, Applied: s.Applied, Errors: s.Errors, LastError: s.LastError, ErrorAt: s.ErrorAt, Failing: s.Failing,
		PortErrors: portErrors(ctx, d.engine.Snapshot(), d.portErrors)}
}
