package agent

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/musubi-net/musubi/internal/guest/frugal"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

const (
	// healthEvery is AWS's: the control channel tells sooner that an agent is gone.
	healthEvery = 5 * time.Minute
	// lookEvery is how often an instance without a role looks for one.
	lookEvery = 30 * time.Second
	// stopTime is how long sessions and commands may take to end with the agent.
	stopTime = 5 * time.Second
	stateDir = "/var/lib/amazon/ssm"
)

// Main is the program amazon-ssm-agent.
func Main(args []string) int {
	for _, a := range args {
		if a == "-version" || a == "--version" {
			fmt.Println("SSM Agent version: " + Version + " (Musubi's stand-in)")
			return 0
		}
	}
	if len(args) > 0 {
		_, _ = fmt.Fprintf(os.Stderr, "amazon-ssm-agent: Musubi's stand-in does not know %s\n", args[0])
		return 1
	}
	frugal.Begin()
	// Whoever hung up on this process's group does not mean the agent. The signals
	// are caught and dropped: what is ignored, sessions would inherit.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGQUIT)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log := &logger{path: logFile, unit: os.Stderr}
	log.file("amazon-ssm-agent %s (Musubi's stand-in) begins", Version)
	serve(ctx, log, newMetadata(metadataAddress))
	log.file("amazon-ssm-agent ends")
	return 0
}

// serve finds out who it is and is the agent until ctx ends.
func serve(ctx context.Context, log *logger, meta *metadata) {
	wait := backoff{least: 2 * time.Second, most: lookEvery}
	rest := sync.OnceFunc(frugal.Rest)
	var id identity
	for {
		var err error
		if id.InstanceID == "" {
			id, err = meta.identity(ctx)
		}
		if err == nil {
			if _, err = meta.credentials(ctx); err == nil {
				break
			}
		}
		if ctx.Err() != nil {
			return
		}
		log.change("not connected to Systems Manager", err.Error())
		rest()
		if !wait.wait(ctx) {
			return
		}
	}
	work(ctx, log, newAPI(meta, id))
}

// work is the agent once it knows who it is.
func work(ctx context.Context, log *logger, a *api) {
	dir := filepath.Join(stateDir, a.id.InstanceID)
	u := &users{root: "/", many: manyIDs(), log: log}
	j := &jobs{
		api: a, users: u, log: log, ctx: ctx, out: newReplies(),
		run: &runner{dir: dir, log: log, cwd: u.dir(), env: person{name: "root", home: "/root"}.env(
			"AWS_SSM_INSTANCE_ID="+a.id.InstanceID, "AWS_SSM_REGION_NAME="+a.id.Region,
			"AWS_SSM_PLATFORM_NAME="+platform("NAME"), "AWS_SSM_PLATFORM_VERSION="+platform("VERSION_ID"),
		)},
	}
	c := &control{api: a, jobs: j, log: log, news: make(chan struct{}, 1)}
	d := &delivery{api: a, jobs: j, up: &c.up, log: log}
	var wg sync.WaitGroup
	wg.Go(func() { c.run(ctx) })
	wg.Go(func() { d.run(ctx) })
	wg.Go(func() { health(ctx, a, c.news, log) })
	wg.Wait()
	ended := make(chan struct{})
	go func() { defer close(ended); j.wg.Wait() }()
	select {
	case <-ended:
	case <-time.After(stopTime):
	}
}

// health tells Systems Manager that the instance is there, again when there is news
// of the way there.
func health(ctx context.Context, a *api, news <-chan struct{}, log *logger) {
	wait := backoff{least: time.Second, most: 30 * time.Second}
	said := ""
	for {
		err := a.call(ctx, "ssm", "AmazonSSM.UpdateInstanceInformation", callTime, information(a), nil)
		now := "Systems Manager knows this instance"
		if err != nil {
			now = "UpdateInstanceInformation fails: " + err.Error()
		}
		if now != said && ctx.Err() == nil {
			said = now
			log.file("%s", now)
		}
		next := healthEvery
		if err != nil {
			next = wait.time()
		} else {
			wait.reset()
		}
		if !pauseUntil(ctx, next, news) {
			return
		}
	}
}

// information is what UpdateInstanceInformation says.
func information(a *api) map[string]any {
	host, _ := os.Hostname() // what can be known
	me := sessionwire.Agent{
		InstanceID: a.id.InstanceID, Version: Version, PlatformType: "Linux", IPAddress: address(a.id), ComputerName: host,
		PlatformName: platform("NAME"), PlatformVersion: platform("VERSION_ID"),
	}
	return map[string]any{
		"InstanceId": me.InstanceID, "AgentName": "amazon-ssm-agent", "AgentVersion": me.Version, "AgentStatus": "Active",
		"PlatformType": me.PlatformType, "PlatformName": me.PlatformName, "PlatformVersion": me.PlatformVersion,
		"IPAddress": me.IPAddress, "ComputerName": me.ComputerName,
	}
}

// address is the instance's own.
func address(id identity) string {
	if id.PrivateIP != "" {
		return id.PrivateIP
	}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return ""
}

// platform reads what the image says that it is.
func platform(key string) string {
	for _, file := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		content, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(content)) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
				return strings.Trim(v, `"'`)
			}
		}
	}
	return ""
}
