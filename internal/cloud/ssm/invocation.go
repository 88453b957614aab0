package ssm

import (
	"slices"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

// Details of statuses that say more than these.
const (
	deliveryTimedOut  = "DeliveryTimedOut"
	executionTimedOut = "ExecutionTimedOut"
	noInstances       = "NoInstancesInTag"
)

// deliveryGrace is how long after the last moment for its delivery a command may
// still report that it began: the answer travels, too.
const deliveryGrace = 5 * time.Second

// The most that is kept of a step's output, which AWS's agent cuts itself.
const (
	maxOutput = 24000
	maxErrors = 8000
)

// reported tells whether a status is one that an agent may report.
func reported(status string) bool {
	return slices.Contains([]string{InProgress, Success, Failed, TimedOut, Cancelled}, status)
}

// ReportInvocation is what an agent says of a command. Whoever is root on an
// instance can say anything.
type ReportInvocation struct{ Reply sessionwire.Reply }

// Apply keeps it. What is over stays as it is.
func (c ReportInvocation) Apply(tx *cloud.Tx) (Invocation, error) {
	if err := internalOnly(tx); err != nil {
		return Invocation{}, err
	}
	i, ok := Invocations.Get(tx, invocationKey(c.Reply.JobID, c.Reply.InstanceID))
	if !ok || i.Ended() || !reported(c.Reply.Status) {
		return i, nil
	}
	x, ok := Commands.Get(tx, i.CommandID)
	if !ok {
		return i, nil
	}
	if i.Status == Pending {
		i.EndBy = tx.Now.Add(x.ExpiresAt.Sub(i.DeliverBy) + deliveryGrace)
	}
	if c.Reply.Status != InProgress || i.Status != Cancelling {
		i.Status, i.Details = c.Reply.Status, c.Reply.Status
	}
	if i.Status == TimedOut {
		i.Details = executionTimedOut
	}
	if len(c.Reply.Steps) > 0 {
		i.Steps = x.results(c.Reply.Steps)
	}
	Invocations.Put(tx, i)
	return i, nil
}

// results are how the command's own steps went, in their order.
func (x *Command) results(steps []sessionwire.StepResult) []StepResult {
	var out []StepResult
	for n, s := range steps[:min(len(steps), len(x.Steps))] {
		d := x.Steps[n]
		if s.Name != d.Name {
			break
		}
		if s.Status != Pending && !reported(s.Status) {
			s.Status = Failed
		}
		out = append(out, StepResult{
			Name: d.Name, Action: d.Action, Status: s.Status, ExitCode: s.ExitCode, Output: cut(s.Output, maxOutput), Error: cut(s.Error, maxErrors),
			Started: instant(s.Started), Ended: instant(s.Ended),
		})
	}
	return out
}

// cut is the beginning of a text.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// CancelCommand ends a command on the named instances, or on all.
type CancelCommand struct {
	ID          string
	InstanceIDs []string
}

// Apply cancels what has not begun, and returns the instances whose agents have
// to end it.
func (c CancelCommand) Apply(tx *cloud.Tx) ([]string, error) {
	x, err := FindCommand(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return nil, err
	}
	all := slices.Collect(Invocations.By(tx, ByCommand, x.ID))
	for _, id := range c.InstanceIDs {
		if !slices.ContainsFunc(all, func(i Invocation) bool { return i.InstanceID == id }) {
			return nil, invalid("InvalidInstanceId", "The command %s was not sent to the instance %s.", c.ID, id)
		}
	}
	var running []string
	for _, i := range all {
		if i.Ended() || len(c.InstanceIDs) > 0 && !slices.Contains(c.InstanceIDs, i.InstanceID) {
			continue
		}
		// The agent may have a command that it has not said anything of.
		running = append(running, i.InstanceID)
		if i.Status == Pending {
			i.Status, i.Details = Cancelled, Cancelled
		} else {
			i.Status, i.Details = Cancelling, Cancelling
		}
		Invocations.Put(tx, i)
	}
	if len(c.InstanceIDs) == 0 && !x.Cancelled {
		x.Cancelled = true
		Commands.Put(tx, x)
	}
	return running, nil
}

// ExpireCommands ends invocations that were not delivered or did not end in time.
type ExpireCommands struct{}

// Apply ends them.
func (ExpireCommands) Apply(tx *cloud.Tx) (cloud.None, error) {
	if err := internalOnly(tx); err != nil {
		return cloud.None{}, err
	}
	for _, i := range slices.Collect(Invocations.By(tx, byOpen, "open")) {
		if late, details := i.Late(tx.Now); late {
			i.Status, i.Details = TimedOut, details
			Invocations.Put(tx, i)
		}
	}
	return cloud.None{}, nil
}

// Late reports whether an invocation's time is over, and which.
func (i *Invocation) Late(now time.Time) (late bool, details string) {
	switch {
	case i.Ended():
		return false, ""
	case i.Status == Pending:
		return !now.Before(i.DeliverBy), deliveryTimedOut
	}
	return !now.Before(i.EndBy), executionTimedOut
}

// Expirable reports whether ExpireCommands has something to do.
func Expirable(r cloud.Reader, now time.Time) bool {
	for i := range Invocations.By(r, byOpen, "open") {
		if late, _ := i.Late(now); late {
			return true
		}
	}
	return false
}

// Tally is how a command stands on all its instances.
type Tally struct {
	Status, Details                        string
	Completed, Errors, DeliveryTimedOut, n int
}

// Tally adds up a command's invocations.
func (x *Command) Tally(r cloud.Reader) Tally {
	t := Tally{}
	seen := map[string]int{}
	details := map[string]int{}
	for i := range Invocations.By(r, ByCommand, x.ID) {
		t.n++
		seen[i.Status]++
		details[i.Details]++
		if i.Ended() {
			t.Completed++
		}
		if i.Details == deliveryTimedOut {
			t.DeliveryTimedOut++
		} else if i.Status == Failed || i.Status == TimedOut {
			t.Errors++
		}
	}
	t.Status = t.status(seen, x.Cancelled)
	t.Details = t.Status
	switch {
	case t.n == 0:
		t.Details = noInstances
	case t.Status == TimedOut && details[executionTimedOut] > 0:
		t.Details = executionTimedOut
	case t.Status == TimedOut:
		t.Details = deliveryTimedOut
	}
	return t
}

func (t *Tally) status(seen map[string]int, cancelled bool) string {
	switch {
	case t.n == 0:
		return Success
	case seen[Cancelling] > 0:
		return Cancelling
	case t.Completed < t.n && t.n == seen[Pending]:
		return Pending
	case t.Completed < t.n:
		return InProgress
	case seen[Failed] > 0:
		return Failed
	case seen[TimedOut] > 0:
		return TimedOut
	case seen[Cancelled] > 0 && (cancelled || seen[Cancelled] == t.n):
		return Cancelled
	}
	return Success
}

// Object is something to write to a bucket.
type Object struct {
	Bucket, Key string
	Data        []byte
}

// Outputs are the objects that an invocation's output makes, if its command names
// a bucket: the last 24000 and 8000 bytes of each step.
func Outputs(r cloud.Reader, i Invocation) []Object {
	x, ok := Commands.Get(r, i.CommandID)
	if !ok || x.Bucket == "" {
		return nil
	}
	var out []Object
	for n, s := range i.Steps {
		dir := x.OutputDir(i.InstanceID, n)
		if s.Output != "" {
			out = append(out, Object{x.Bucket, dir + "/stdout", []byte(s.Output)})
		}
		if s.Error != "" {
			out = append(out, Object{x.Bucket, dir + "/stderr", []byte(s.Error)})
		}
	}
	return out
}

// OutputDir is where in its bucket the output of a step on an instance is.
func (x *Command) OutputDir(instanceID string, step int) string {
	if step >= len(x.Steps) {
		return ""
	}
	plain := func(s string) string { return strings.ReplaceAll(s, ":", "") }
	s := x.Steps[step]
	dir := plain(s.Action) + "/" + plain(s.Name)
	if s.Name == s.Action {
		dir = plain(s.Action) + "/0." + plain(s.Action)
	}
	return strings.TrimPrefix(x.Prefix+"/"+x.ID+"/"+instanceID+"/"+dir, "/")
}
