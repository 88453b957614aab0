// Package ssm is the domain of AWS Systems Manager: managed instances, sessions,
// commands and their invocations, documents, and Parameter Store.
//
// Which agents are connected it does not know: that changes with every packet
// that is lost, and is told by what calls it.
//
// It may import internal/cloud, cloud/compute, cloud/iam and sessionwire.
package ssm

import (
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

// Node is a managed instance: one whose agent has said hello.
type Node struct {
	cloud.Scope
	Agent        sessionwire.Agent
	RegisteredAt time.Time
	UpdatedAt    time.Time
}

// SessionStatus is a session's status, as AWS spells it.
type SessionStatus string

// The statuses of sessions.
const (
	Connecting   SessionStatus = "Connecting"
	Connected    SessionStatus = "Connected"
	Disconnected SessionStatus = "Disconnected"
	Terminating  SessionStatus = "Terminating"
	Terminated   SessionStatus = "Terminated"
	SessionFails SessionStatus = "Failed"
)

// Ended reports whether a session in that status belongs to the history.
func (s SessionStatus) Ended() bool {
	return s == Terminating || s == Terminated || s == SessionFails
}

// Session is a session of Session Manager.
type Session struct {
	ID string
	cloud.Scope
	Target   string
	Owner    string // ARN of the caller
	Document string
	Reason   string
	Details  string // why it failed
	Status   SessionStatus
	// StartedAt is when it was asked for, EndedAt when it was over.
	StartedAt, EndedAt time.Time
	// Type is its document's sessionType.
	Type                    string
	IdleMinutes, MaxMinutes int
	// Bucket and Key are where its transcript goes; empty for none.
	Bucket, Key string
}

// Step is a step of a command, with its parameters filled in.
type Step struct {
	Name, Action   string
	Lines          []string
	WorkDir        string
	TimeoutSeconds int
}

// Command is what SendCommand asked for.
type Command struct {
	ID string
	cloud.Scope
	Document        string
	DocumentVersion string
	Comment         string
	Parameters      map[string][]string
	// InstanceIDs and Targets are as they were asked for.
	InstanceIDs               []string
	Targets                   []Target
	Steps                     []Step
	Bucket, Prefix            string // of the output
	MaxConcurrency, MaxErrors string
	TimeoutSeconds            int
	RequestedAt, ExpiresAt    time.Time
	// TargetCount is how many instances it was sent to.
	TargetCount int
	// Cancelled is set once CancelCommand was called for all of it.
	Cancelled bool
}

// Target names instances by a tag or by their ids.
type Target struct {
	Key    string
	Values []string
}

// Statuses of commands and invocations, as AWS spells them; the others are
// sessionwire's, which agents report.
const (
	Pending    = "Pending"
	InProgress = sessionwire.StatusInProgress
	Success    = sessionwire.StatusSuccess
	Failed     = sessionwire.StatusFailed
	TimedOut   = sessionwire.StatusTimedOut
	Cancelled  = sessionwire.StatusCancelled
	Cancelling = "Cancelling"
)

// Invocation is a command on one instance.
type Invocation struct {
	CommandID, InstanceID string
	cloud.Scope
	Status, Details string
	RequestedAt     time.Time
	// DeliverBy is when it is too late to begin, EndBy when it is too late to end.
	DeliverBy, EndBy time.Time
	Steps            []StepResult
}

// StepResult is how a step went.
type StepResult struct {
	Name, Action   string
	Status         string
	ExitCode       int
	Output, Error  string
	Started, Ended time.Time
}

// Ended reports whether nothing more will happen to an invocation.
func (i *Invocation) Ended() bool {
	return i.Status != Pending && i.Status != InProgress && i.Status != Cancelling
}

// Document is a document of an account.
type Document struct {
	Name string
	cloud.Scope
	Type           string // Command, Session
	TargetType     string
	DisplayName    string
	DefaultVersion int
	// Versions are all that there are, oldest first.
	Versions  []DocumentVersion
	CreatedAt time.Time
	Tags      cloud.Tags
	// Builtin is set for Amazon's own.
	Builtin bool
}

// DocumentVersion is one content of a document.
type DocumentVersion struct {
	Number      int
	DisplayName string
	Format      string // JSON, YAML
	Content     string
	CreatedAt   time.Time
}

// Parameter is a parameter of Parameter Store.
type Parameter struct {
	Name string
	cloud.Scope
	// Versions are those that are kept, oldest first.
	Versions []ParameterVersion
	Tags     cloud.Tags
}

// ParameterVersion is one value of a parameter.
type ParameterVersion struct {
	Number         int
	Type           string // String, StringList, SecureString
	Value          string
	Cipher         string // what of a SecureString is shown undecrypted
	KeyID          string
	Description    string
	AllowedPattern string
	DataType       string // text, aws:ec2:image
	Tier           string // Standard, Advanced
	ModifiedAt     time.Time
	ModifiedBy     string // ARN
	Labels         []string
}

// Index names.
const (
	ByScope    = "scope"
	ByInstance = "instance"
	ByCommand  = "command"
	byAge      = "age"
	byOpen     = "open"
)

// Nodes is the table of managed instances.
var Nodes = cloud.NewTable("ssm-node", func(n *Node) string { return n.Agent.InstanceID },
	cloud.Index[Node]{Name: ByScope, Keys: func(n *Node) []string { return []string{n.Key()} }})

// Sessions is the table of sessions.
var Sessions = cloud.NewTable("ssm-session", func(s *Session) string { return s.ID },
	cloud.Index[Session]{Name: ByScope, Keys: func(s *Session) []string { return []string{s.Scope.Key()} }},
	cloud.Index[Session]{Name: byOpen, Keys: func(s *Session) []string {
		if s.Status.Ended() && s.Status != Terminating {
			return nil
		}
		return []string{"open"}
	}},
	cloud.Index[Session]{Name: byAge, Keys: func(s *Session) []string { return []string{cloud.TimeKey(s.StartedAt)} }})

// Commands is the table of commands.
var Commands = cloud.NewTable("ssm-command", func(c *Command) string { return c.ID },
	cloud.Index[Command]{Name: ByScope, Keys: func(c *Command) []string { return []string{c.Key()} }},
	cloud.Index[Command]{Name: byAge, Keys: func(c *Command) []string { return []string{cloud.TimeKey(c.RequestedAt)} }})

// Invocations is the table of invocations.
var Invocations = cloud.NewTable("ssm-invocation", func(i *Invocation) string { return invocationKey(i.CommandID, i.InstanceID) },
	cloud.Index[Invocation]{Name: ByScope, Keys: func(i *Invocation) []string { return []string{i.Key()} }},
	cloud.Index[Invocation]{Name: ByCommand, Keys: func(i *Invocation) []string { return []string{i.CommandID} }},
	cloud.Index[Invocation]{Name: ByInstance, Keys: func(i *Invocation) []string { return []string{i.InstanceID} }},
	cloud.Index[Invocation]{Name: byOpen, Keys: func(i *Invocation) []string {
		if i.Ended() {
			return nil
		}
		return []string{"open", i.InstanceID}
	}})

func invocationKey(command, instance string) string { return command + "/" + instance }

// Documents is the table of documents.
var Documents = cloud.NewTable("ssm-document", func(d *Document) string { return d.Key() + "/" + d.Name },
	cloud.Index[Document]{Name: ByScope, Keys: func(d *Document) []string { return []string{d.Key()} }})

// Parameters is the table of parameters.
var Parameters = cloud.NewTable("ssm-parameter", func(p *Parameter) string { return p.Key() + "/" + p.Name },
	cloud.Index[Parameter]{Name: ByScope, Keys: func(p *Parameter) []string { return []string{p.Key()} }})

// Tables lists the tables of this package.
func Tables() []cloud.AnyTable {
	return []cloud.AnyTable{Nodes, Sessions, Commands, Invocations, Documents, Parameters}
}
