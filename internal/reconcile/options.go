package reconcile

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/dataplane/metadata"
	"github.com/musubi-net/musubi/internal/spec"
)

// Engine is what the reconciler reads and writes the cloud through.
type Engine interface {
	Snapshot() *cloud.Snapshot
	Run(ctx context.Context, caller cloud.Caller, apply func(*cloud.Tx) error) error
}

// Watch is a collection of changes, as an engine's Watcher is.
type Watch interface {
	Ready() <-chan struct{}
	Take() []cloud.Change
	Close()
}

// World is the part of the world that the kernel makes. Apply calls are
// idempotent and replace what was; calls for different units may overlap. Routes
// to a VPC that does not exist yet follow when it does.
type World interface {
	ApplyVPC(ctx context.Context, v *spec.VPC) error
	RemoveVPC(ctx context.Context, id string) error
	VPCs() ([]string, error)
	ApplyFabric(ctx context.Context, f *spec.Fabric) error
	ApplyInternet(ctx context.Context, i *spec.Internet) error
	// EnsureGuest makes an instance's network namespace and returns its path.
	EnsureGuest(ctx context.Context, instanceID string) (string, error)
	RemoveGuest(ctx context.Context, instanceID string) error
	Guests() ([]string, error)
	ListenTCP(ctx context.Context, ns string, a netip.AddrPort) (net.Listener, error)
	ListenUDP(ctx context.Context, ns string, a netip.AddrPort) (net.PacketConn, error)
	DialTCP(ctx context.Context, ns string, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
	// ResetFlows ends established connections.
	ResetFlows(ctx context.Context, vpcID string, flows []spec.Flow) error
}

// GuestStatus is how a guest is.
type GuestStatus struct {
	InstanceID string
	Boot       uint32
	Running    bool
	// Exited is true if it ended without being asked to.
	Exited     bool
	ExitReason string
}

// Guests is what instances run in.
type Guests interface {
	// Start returns once the guest's init runs; a guest of another boot is
	// replaced.
	Start(ctx context.Context, g spec.Guest, netns string) error
	// Stop returns once the guest has ended.
	Stop(ctx context.Context, instanceID string) error
	// Remove forgets the guest with its disk and console.
	Remove(ctx context.Context, instanceID string) error
	// List tells of all guests; with an instance id, of that one if there is one.
	List(ctx context.Context, instanceID string) ([]GuestStatus, error)
	// Next waits until something happens to a guest that was not asked for, and
	// names its instance, or none if it was to too many; false if nothing ever will,
	// or the context ended.
	Next(ctx context.Context) (instanceID string, ok bool)
}

// Options are what a reconciler is made of.
type Options struct {
	Engine Engine
	// Watch starts to collect changes, and returns the snapshot from which on.
	Watch  func() (Watch, *cloud.Snapshot)
	World  World
	Guests Guests
	// Images take snapshots of guests' disks; nil takes none.
	Images Images
	// Application and Network carry load balancers in user space; nil carries
	// none.
	Application, Network Balancers
	// Credentials gives instances the credentials of their roles.
	Credentials func(ctx context.Context, instanceID, role string) (metadata.Credentials, error)
	// Issue makes a certificate for these names; nil issues none.
	Issue func(ctx context.Context, names []string, keyAlgorithm string) (Certificate, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger
}
