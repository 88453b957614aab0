package supervisor

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest"
	"github.com/musubi-net/musubi/internal/guest/reap"
	"github.com/musubi-net/musubi/internal/spec"
)

// consoleSize is what AWS keeps of a console.
const consoleSize = 64 << 10

// guests are the instances that were started and not removed.
type guests struct {
	reaper  *reap.Reaper
	manyIDs bool
	limiter *limiter

	mu          sync.Mutex
	all         map[string]*instance
	closed      bool
	subscribers map[chan guest.Event]struct{}
	work        sync.WaitGroup // watchers of instances
}

func newGuests(r *reap.Reaper, manyIDs bool) *guests {
	return &guests{reaper: r, manyIDs: manyIDs, all: map[string]*instance{}, subscribers: map[chan guest.Event]struct{}{}}
}

// idPattern keeps instance ids from being paths.
var idPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`) })

var errStopping = errors.New("the supervisor is stopping")

func (g *guests) get(id string) (*instance, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i, ok := g.all[id]
	if !ok {
		return nil, fmt.Errorf("no guest %s", id)
	}
	return i, nil
}

func (g *guests) start(s spec.Guest, netns string) error {
	if !idPattern().MatchString(s.InstanceID) {
		return fmt.Errorf("bad instance id %q", s.InstanceID)
	}
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return errStopping
	}
	i, ok := g.all[s.InstanceID]
	if !ok {
		i = &instance{
			guests: g, id: s.InstanceID, disk: filepath.Join(guestsDir, s.InstanceID), console: newRing(consoleSize),
		}
		g.all[s.InstanceID] = i
	}
	g.mu.Unlock()
	return i.start(s, netns)
}

// isClosed tells whether nothing may be started any more.
func (g *guests) isClosed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

// stop ends a guest; one that is not there has ended.
func (g *guests) stop(id string) error {
	i, err := g.get(id)
	if err != nil {
		return nil
	}
	i.op.Lock()
	defer i.op.Unlock()
	i.end(true)
	return nil
}

func (g *guests) remove(id string) error {
	i, err := g.get(id)
	if err != nil {
		return nil
	}
	i.op.Lock()
	defer i.op.Unlock()
	i.end(false)
	i.console.close()
	if err := i.dropDisk(); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	i.removed = true
	delete(g.all, id)
	return nil
}

// close ends all guests at the supervisor's end.
func (g *guests) close() {
	g.mu.Lock()
	g.closed = true
	var all []*instance
	for _, i := range g.all {
		all = append(all, i)
	}
	g.mu.Unlock()
	var wg sync.WaitGroup
	for _, i := range all {
		wg.Go(func() {
			i.op.Lock()
			defer i.op.Unlock()
			i.end(true)
			i.console.close()
		})
	}
	wg.Wait()
	g.work.Wait()
}

// listed is list, or with an id that guest alone.
func (g *guests) listed(id string) []guest.Status {
	if id == "" {
		return g.list()
	}
	i, err := g.get(id)
	if err != nil {
		return nil
	}
	return []guest.Status{i.status()}
}

func (g *guests) list() []guest.Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]guest.Status, 0, len(g.all))
	for _, i := range g.all {
		out = append(out, i.status())
	}
	slices.SortFunc(out, func(a, b guest.Status) int { return cmp.Compare(a.InstanceID, b.InstanceID) })
	return out
}

func (g *guests) consoleOf(id string) ([]byte, error) {
	i, err := g.get(id)
	if err != nil {
		return nil, err
	}
	data, _, _ := i.console.from(0)
	return data, nil
}

// find resolves what a user calls an instance: its id or its Name tag.
func (g *guests) find(name string) (*instance, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i, ok := g.all[name]; ok {
		return i, nil
	}
	var found []*instance
	for _, i := range g.all {
		if i.status().Name == name {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("no instance %q: neither an id nor a Name tag of one that was started", name)
	case 1:
		return found[0], nil
	}
	var ids []string
	for _, i := range found {
		ids = append(ids, i.id)
	}
	slices.Sort(ids)
	return nil, fmt.Errorf("%d instances are named %q: choose one by id: %v", len(found), name, ids)
}

// subscribe delivers events until cancel, which closes the channel. For a
// subscriber that does not keep up, one event stands for many.
func (g *guests) subscribe() (<-chan guest.Event, func()) {
	c := make(chan guest.Event, 1024)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.subscribers[c] = struct{}{}
	return c, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.subscribers, c)
		close(c)
	}
}

func (g *guests) publish(e guest.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.subscribers {
		guest.Deliver(c, e)
	}
}

// makeDisk mounts the instance's disk if it has none yet.
func (i *instance) makeDisk(l spec.Limits) error {
	if i.hasDisk {
		return nil
	}
	if err := os.MkdirAll(i.disk, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", i.disk, "tmpfs", unix.MS_NODEV, diskOptions(l)); err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	i.hasDisk = true
	return nil
}

func (i *instance) dropDisk() error {
	if !i.hasDisk {
		return nil
	}
	if err := unix.Unmount(i.disk, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	i.hasDisk = false
	return os.Remove(i.disk)
}
