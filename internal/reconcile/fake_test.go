package reconcile

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/musubi-net/musubi/internal/spec"
	"github.com/musubi-net/musubi/internal/store"
)

// memory is a store that keeps nothing: these tests do not restart.
type memory struct{ revision uint64 }

func (m *memory) Load(context.Context, func(store.Record) error) (uint64, error) { return 0, nil }
func (m *memory) Commit(_ context.Context, base uint64, _ []store.Record) (uint64, error) {
	m.revision = base + 1
	return m.revision, nil
}
func (m *memory) Close() error { return nil }

// fakeWorld is a fake: it remembers what was applied, opens sockets on loopback
// and lets those targets answer that are up.
type fakeWorld struct {
	mu         sync.Mutex
	changed    chan struct{} // closed and replaced at each change
	vpcs       map[string]*spec.VPC
	fabric     *spec.Fabric
	internet   *spec.Internet
	namespaces map[string]bool
	sockets    map[string]string // "ns address" to the loopback address
	down       map[netip.AddrPort]bool
	resets     []netip.AddrPort
	refuse     map[string]int // VPC id to the number of applies to refuse
	applies    map[string]int
}

func newWorld() *fakeWorld {
	return &fakeWorld{changed: make(chan struct{}), vpcs: map[string]*spec.VPC{}, namespaces: map[string]bool{}, sockets: map[string]string{},
		down: map[netip.AddrPort]bool{}, refuse: map[string]int{}, applies: map[string]int{}}
}

// do changes the fake and wakes those who wait.
func (w *fakeWorld) do(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *fakeWorld) ApplyVPC(_ context.Context, v *spec.VPC) (err error) {
	w.do(func() {
		w.applies[v.ID]++
		if w.refuse[v.ID] > 0 {
			w.refuse[v.ID]--
			err = errors.New("the fake kernel refuses")
			return
		}
		for _, i := range v.Interfaces {
			if !w.namespaces[i.InstanceID] {
				err = errors.New("no namespace " + i.InstanceID)
				return
			}
		}
		w.vpcs[v.ID] = v
	})
	return err
}

func (w *fakeWorld) RemoveVPC(_ context.Context, id string) error {
	w.do(func() { delete(w.vpcs, id) })
	return nil
}

func (w *fakeWorld) VPCs() ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.vpcs)), nil
}

func (w *fakeWorld) ApplyFabric(_ context.Context, f *spec.Fabric) error {
	w.do(func() { w.fabric = f })
	return nil
}

func (w *fakeWorld) ApplyInternet(_ context.Context, i *spec.Internet) error {
	w.do(func() { w.internet = i })
	return nil
}

func (w *fakeWorld) EnsureGuest(_ context.Context, id string) (string, error) {
	w.do(func() { w.namespaces[id] = true })
	return "/netns/" + id, nil
}

func (w *fakeWorld) RemoveGuest(_ context.Context, id string) error {
	w.do(func() { delete(w.namespaces, id) })
	return nil
}

func (w *fakeWorld) Guests() ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.namespaces)), nil
}

func (w *fakeWorld) ListenTCP(_ context.Context, ns string, a netip.AddrPort) (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		w.do(func() { w.sockets["tcp "+ns+" "+a.String()] = l.Addr().String() })
	}
	return l, err
}

func (w *fakeWorld) ListenUDP(_ context.Context, ns string, a netip.AddrPort) (net.PacketConn, error) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err == nil {
		w.do(func() { w.sockets["udp "+ns+" "+a.String()] = c.LocalAddr().String() })
	}
	return c, err
}

func (w *fakeWorld) DialTCP(_ context.Context, _ string, _ netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down[remote] {
		return nil, errors.New("connection refused")
	}
	a, b := net.Pipe()
	_ = b.Close()
	return a, nil
}

func (w *fakeWorld) ResetFlows(_ context.Context, _ string, flows []spec.Flow) error {
	w.do(func() {
		for _, f := range flows {
			w.resets = append(w.resets, f.Target)
		}
	})
	return nil
}

// fakeGuests is a fake: its guests run because it says so.
type fakeGuests struct {
	mu     sync.Mutex
	guests map[string]GuestStatus
	events chan string
	refuse int // starts to refuse
}

func newGuests() *fakeGuests {
	return &fakeGuests{guests: map[string]GuestStatus{}, events: make(chan string, 16)}
}

func (g *fakeGuests) Start(_ context.Context, s spec.Guest, netns string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if netns != "/netns/"+s.InstanceID {
		return errors.New("wrong namespace " + netns)
	}
	if g.refuse > 0 {
		g.refuse--
		return errors.New("the fake guest does not start")
	}
	g.guests[s.InstanceID] = GuestStatus{InstanceID: s.InstanceID, Boot: s.Boot, Running: true}
	return nil
}

func (g *fakeGuests) Stop(_ context.Context, id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.guests[id]
	s.Running = false
	g.guests[id] = s
	return nil
}

func (g *fakeGuests) Remove(_ context.Context, id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.guests, id)
	return nil
}

func (g *fakeGuests) List(_ context.Context, id string) ([]GuestStatus, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if id != "" {
		if s, ok := g.guests[id]; ok {
			return []GuestStatus{s}, nil
		}
		return nil, nil
	}
	return slices.Collect(maps.Values(g.guests)), nil
}

func (g *fakeGuests) Next(ctx context.Context) (string, bool) {
	select {
	case id := <-g.events:
		return id, true
	case <-ctx.Done():
		return "", false
	}
}

// powerOff ends a guest from inside.
func (g *fakeGuests) powerOff(id string) {
	g.mu.Lock()
	s := g.guests[id]
	s.Running, s.Exited = false, true
	g.guests[id] = s
	g.mu.Unlock()
	g.events <- id
}

func (g *fakeGuests) status(id string) (GuestStatus, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s, ok := g.guests[id]
	return s, ok
}
