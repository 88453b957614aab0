package ssm

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

const (
	defaultDelivery    = 3600
	defaultConcurrency = 50
)

// SendCommand sends a command to instances.
type SendCommand struct {
	Document, Version, Comment string
	Parameters                 map[string][]string
	InstanceIDs                []string
	Targets                    []Target
	TimeoutSeconds             int // for delivery; 0 is an hour
	Bucket, Prefix             string
	MaxConcurrency, MaxErrors  string
}

// Sent is a command with what its agents are told.
type Sent struct {
	Command Command
	Wire    []sessionwire.Command
}

// Apply makes the command and its invocations.
func (c SendCommand) Apply(tx *cloud.Tx) (Sent, error) {
	x, err := c.command(tx)
	if err != nil {
		return Sent{}, err
	}
	ids, err := c.instances(tx)
	if err != nil {
		return Sent{}, err
	}
	if err := c.atOnce(len(ids)); err != nil {
		return Sent{}, err
	}
	total := 0
	for _, s := range x.Steps {
		total += s.TimeoutSeconds
	}
	deliver := tx.Now.Add(time.Duration(x.TimeoutSeconds) * time.Second)
	x.ExpiresAt, x.TargetCount = deliver.Add(time.Duration(total)*time.Second), len(ids)
	Commands.Put(tx, x)
	sent := Sent{Command: x}
	for _, id := range ids {
		i := Invocation{CommandID: x.ID, InstanceID: id, Scope: x.Scope, Status: Pending, Details: Pending, RequestedAt: tx.Now, DeliverBy: deliver, EndBy: x.ExpiresAt}
		Invocations.Put(tx, i)
		sent.Wire = append(sent.Wire, x.wire(id))
	}
	return sent, nil
}

// command is the record, without its targets.
func (c SendCommand) command(tx *cloud.Tx) (Command, error) {
	d, err := FindDocument(tx, tx.Caller.Scope, c.Document)
	if err != nil {
		return Command{}, err
	}
	if d.Type != TypeCommand {
		return Command{}, invalid("InvalidDocument", "Document type %s is not supported for SendCommand: it must be Command.", d.Type)
	}
	v, err := d.Version(c.Version)
	if err != nil {
		return Command{}, err
	}
	content, err := Parse(v.Format, v.Content)
	if err != nil {
		return Command{}, err
	}
	values, err := content.arguments(d.Name, c.Parameters)
	if err != nil {
		return Command{}, err
	}
	x := Command{
		ID: uuid(tx), Scope: tx.Caller.Scope, Document: d.Name, DocumentVersion: or(c.Version, "$DEFAULT"), Comment: c.Comment, Parameters: c.Parameters,
		InstanceIDs: c.InstanceIDs, Targets: c.Targets, Bucket: c.Bucket, Prefix: strings.Trim(c.Prefix, "/"), TimeoutSeconds: c.TimeoutSeconds,
		MaxConcurrency: or(c.MaxConcurrency, strconv.Itoa(defaultConcurrency)), MaxErrors: or(c.MaxErrors, "0"), RequestedAt: tx.Now,
	}
	if x.TimeoutSeconds == 0 {
		x.TimeoutSeconds = defaultDelivery
	}
	x.Steps, err = content.steps(values)
	return x, err
}

// atOnce refuses a rate that would hold some of the targets back: all are sent to
// at once here, so that none is left for MaxErrors to spare, either.
func (c SendCommand) atOnce(targets int) error {
	most := defaultConcurrency
	if c.MaxConcurrency != "" {
		number, percent := strings.CutSuffix(c.MaxConcurrency, "%")
		n, err := strconv.Atoi(number)
		if err != nil {
			return invalid("ValidationException", "MaxConcurrency %s is not valid.", c.MaxConcurrency)
		}
		if most = n; percent {
			most = targets * n / 100
		}
	}
	if c.MaxConcurrency != "" && most < targets {
		return unsupported("The MaxConcurrency %s is not served by Musubi for %d targets: a command goes to all of them at once.", c.MaxConcurrency, targets)
	}
	return nil
}

// instances are the command's targets.
func (c SendCommand) instances(tx *cloud.Tx) ([]string, error) {
	switch {
	case len(c.InstanceIDs) == 0 && len(c.Targets) == 0:
		return nil, invalid("InvalidInstanceId", "The request must name targets: InstanceIds or Targets.")
	case len(c.InstanceIDs) > 0 && len(c.Targets) > 0:
		return nil, invalid("InvalidParameters", "InstanceIds and Targets can not be used together.")
	case len(c.Targets) > 0:
		return c.targets(tx)
	}
	return c.InstanceIDs, validInstances(tx, c.InstanceIDs)
}

// validInstances refuses instances that are not managed, all in one sentence.
func validInstances(tx *cloud.Tx, ids []string) error {
	var bad []string
	for n, id := range ids {
		if slices.Contains(ids[:n], id) {
			return invalid("DuplicateInstanceId", "The instance id %s is given twice.", id)
		}
		if _, _, ok := Managed(tx, tx.Caller.Scope, id); !ok {
			bad = append(bad, id)
		}
	}
	if len(bad) > 0 {
		return invalid("InvalidInstanceId", "Instances [[%s]] not in a valid state for account %s", strings.Join(bad, ", "), tx.Caller.Account)
	}
	return nil
}

// targets are the managed instances that match all targets.
func (c SendCommand) targets(tx *cloud.Tx) ([]string, error) {
	for _, t := range c.Targets {
		if len(t.Values) == 0 {
			return nil, invalid("InvalidParameters", "The target %s has no values.", t.Key)
		}
		if t.Key == "InstanceIds" {
			if err := validInstances(tx, t.Values); err != nil {
				return nil, err
			}
		} else if !strings.HasPrefix(t.Key, "tag:") && t.Key != "tag-key" {
			return nil, unsupported("The target key %s is not served by Musubi: use InstanceIds, tag:<key> or tag-key.", t.Key)
		}
	}
	var ids []string
	for n := range Nodes.By(tx, ByScope, tx.Caller.Key()) {
		_, i, ok := Managed(tx, tx.Caller.Scope, n.Agent.InstanceID)
		if ok && i.State == compute.Running && !slices.ContainsFunc(c.Targets, func(t Target) bool { return !t.matches(i) }) {
			ids = append(ids, i.ID)
		}
	}
	return ids, nil
}

func (t Target) matches(i compute.Instance) bool {
	if t.Key == "InstanceIds" {
		return slices.Contains(t.Values, i.ID)
	}
	if t.Key == "tag-key" {
		return slices.ContainsFunc(t.Values, func(k string) bool { _, ok := i.Tags[k]; return ok })
	}
	value, ok := i.Tags[strings.TrimPrefix(t.Key, "tag:")]
	return ok && slices.Contains(t.Values, value)
}

// wire is the command as an instance's agent gets it.
func (x *Command) wire(instanceID string) sessionwire.Command {
	w := sessionwire.Command{ID: x.ID, InstanceID: instanceID, Document: x.Document}
	for _, s := range x.Steps {
		w.Steps = append(w.Steps, sessionwire.Step{Name: s.Name, Action: s.Action, Lines: s.Lines, WorkDir: s.WorkDir, TimeoutSeconds: s.TimeoutSeconds})
	}
	return w
}

// PendingFor lists the commands that an instance's agent has not begun, oldest
// first: what it is sent when it comes back.
func PendingFor(r cloud.Reader, instanceID string) []sessionwire.Command {
	var waiting []Command
	for i := range Invocations.By(r, byOpen, instanceID) {
		if x, ok := Commands.Get(r, i.CommandID); ok && i.Status == Pending {
			waiting = append(waiting, x)
		}
	}
	slices.SortFunc(waiting, func(x, y Command) int { return x.RequestedAt.Compare(y.RequestedAt) })
	var out []sessionwire.Command
	for _, x := range waiting {
		out = append(out, x.wire(instanceID))
	}
	return out
}

func uuid(tx *cloud.Tx) string {
	h := tx.IDs.Hex(32)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

var uuidPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`) })

// FindCommand finds a command of a scope.
func FindCommand(r cloud.Reader, s cloud.Scope, id string) (Command, error) {
	x, ok := Commands.Get(r, id)
	if !ok || x.Scope != s || !uuidPattern().MatchString(id) {
		return Command{}, absent("command", "InvalidCommandId", "")
	}
	return x, nil
}

// FindInvocation finds a command on an instance.
func FindInvocation(r cloud.Reader, s cloud.Scope, command, instance string) (Invocation, error) {
	i, ok := Invocations.Get(r, invocationKey(command, instance))
	if !ok || i.Scope != s {
		return Invocation{}, absent("invocation", "InvocationDoesNotExist", "")
	}
	return i, nil
}
