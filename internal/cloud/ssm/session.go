package ssm

import (
	"slices"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

// memory is how long sessions and commands that are over are known.
const memory = 30 * 24 * time.Hour

// StartSession begins a session with an instance.
type StartSession struct {
	Target, Document, Reason string
	Parameters               map[string][]string
	// Connected tells which agents are there.
	Connected func(instanceID string) bool
}

// Started is a session that was begun, and what its agent is told.
type Started struct {
	Session Session
	Wire    sessionwire.Session
}

// Apply begins it.
func (c StartSession) Apply(tx *cloud.Tx) (Started, error) {
	d, content, p, err := c.document(tx)
	if err != nil {
		return Started{}, err
	}
	values, err := content.arguments(d, c.Parameters)
	if err != nil {
		return Started{}, err
	}
	properties, err := content.settled(values)
	if err != nil {
		return Started{}, badContent("The properties can not be sent: %v", err)
	}
	user, err := p.user(tx, tx.Caller)
	if err != nil {
		return Started{}, err
	}
	if !reachable(tx, tx.Caller.Scope, c.Target) || !c.Connected(c.Target) {
		return Started{}, NotConnected(c.Target)
	}
	s := Session{ID: principalName(tx.Caller) + "-" + tx.IDs.Alnum(17), Scope: tx.Caller.Scope, Target: c.Target, Owner: tx.Caller.PrincipalARN,
		Document: d, Reason: c.Reason, Status: Connecting, StartedAt: tx.Now,
		Type: content.SessionType, IdleMinutes: p.idle, MaxMinutes: p.max}
	if p.bucket != "" && content.SessionType != "Port" {
		s.Bucket, s.Key = p.bucket, strings.TrimPrefix(p.prefix+"/"+s.ID+".log", "/")
	}
	Sessions.Put(tx, s)
	w := s.Wire()
	w.Properties, w.RunAs, w.ShellProfile = properties, user, p.profile
	return Started{s, w}, nil
}

// Wire is the session as the message service knows it, without what only the
// start of its agent's part needs.
func (s *Session) Wire() sessionwire.Session {
	return sessionwire.Session{ID: s.ID, InstanceID: s.Target, Type: s.Type, Transcript: s.Bucket != "", IdleMinutes: s.IdleMinutes, MaxMinutes: s.MaxMinutes}
}

// OpenSessions lists the sessions that are under way.
func OpenSessions(r cloud.Reader) (list []Session) {
	for s := range Sessions.By(r, byOpen, "open") {
		if !s.Status.Ended() {
			list = append(list, s)
		}
	}
	return list
}

// document is the session's document with the preferences that hold for it. An
// account without preferences has the defaults; documents for commands, which have
// none of their own, follow the account's.
func (c StartSession) document(tx *cloud.Tx) (name string, content Content, p preferences, err error) {
	name = or(c.Document, RunShell)
	d, err := FindDocument(tx, tx.Caller.Scope, name)
	if err != nil && name == RunShell {
		return name, Content{SessionType: "Standard_Stream"}, p, nil
	}
	if err != nil {
		return name, content, p, err
	}
	if d.Type != TypeSession {
		return name, content, p, invalid("InvalidDocument", "Document type %s is not supported for StartSession: it must be Session.", d.Type)
	}
	v, err := d.Version("")
	if err != nil {
		return name, content, p, err
	}
	if content, err = Parse(v.Format, v.Content); err != nil {
		return name, content, p, err
	}
	if content.SessionType != "Port" && content.SessionType != "Standard_Stream" {
		if own, ok := Documents.Get(tx, tx.Caller.Key()+"/"+RunShell); ok {
			v, err := own.Version("")
			if err != nil {
				return name, content, p, err
			}
			shell := v.Info()
			p, err = shell.preferences()
			return d.Name, content, p, err
		}
	}
	p, err = content.preferences()
	return d.Name, content, p, err
}

// principalName is what a caller's sessions are called after: the user, or the
// name of the role's session.
func principalName(c cloud.Caller) string {
	name := c.PrincipalARN[strings.LastIndexAny(c.PrincipalARN, "/:")+1:]
	return or(name, "root")
}

// FindSession finds a session of a scope that is not over.
func FindSession(r cloud.Reader, s cloud.Scope, id string) (Session, error) {
	x, ok := Sessions.Get(r, id)
	if !ok || x.Scope != s || x.Status.Ended() {
		return Session{}, noSession(id)
	}
	return x, nil
}

// TerminateSession ends a session. Its agent reports when it is over.
type TerminateSession struct{ ID string }

// Apply marks it. To end one that is over is no mistake.
func (c TerminateSession) Apply(tx *cloud.Tx) (Session, error) {
	x, ok := Sessions.Get(tx, c.ID)
	if !ok || x.Scope != tx.Caller.Scope {
		return Session{}, noSession(c.ID)
	}
	if !x.Status.Ended() {
		x.Status, x.EndedAt = Terminating, tx.Now
		Sessions.Put(tx, x)
	}
	return x, nil
}

// ReportSession says how a session stands.
type ReportSession struct {
	ID     string
	Status SessionStatus
	// Details says why it failed or ended.
	Details string
	// NoTranscript is set if there is nothing where its transcript would be.
	NoTranscript bool
}

// Apply keeps it. A session that is over stays so.
func (c ReportSession) Apply(tx *cloud.Tx) (Session, error) {
	if err := internalOnly(tx); err != nil {
		return Session{}, err
	}
	x, ok := Sessions.Get(tx, c.ID)
	if !ok {
		return x, nil
	}
	old := x
	if c.NoTranscript {
		x.Bucket, x.Key = "", ""
	}
	if over := x.Status == Terminated || x.Status == SessionFails; !over && (!x.Status.Ended() || c.Status.Ended()) {
		x.Status, x.Details = c.Status, or(c.Details, x.Details)
		if c.Status.Ended() && x.EndedAt.IsZero() {
			x.EndedAt = tx.Now
		}
	}
	if x != old {
		Sessions.Put(tx, x)
	}
	return x, nil
}

// lastBreath is how long a session that is being ended may take.
const lastBreath = time.Minute

// Forget drops the history that is too old: sessions that are over, and commands.
// A session whose end nobody reported is over after a while, and an instance that
// is gone is managed no more.
type Forget struct{}

// Apply drops it.
func (Forget) Apply(tx *cloud.Tx) (cloud.None, error) {
	if err := internalOnly(tx); err != nil {
		return cloud.None{}, err
	}
	for _, x := range slices.Collect(Sessions.By(tx, byOpen, "open")) {
		if x.Status == Terminating && tx.Now.Sub(x.EndedAt) >= lastBreath {
			x.Status = Terminated
			Sessions.Put(tx, x)
		}
	}
	for _, n := range slices.Collect(Nodes.All(tx)) {
		if i, ok := compute.Instances.Get(tx, n.Agent.InstanceID); !ok || i.State == compute.Terminated {
			Nodes.Delete(tx, n.Agent.InstanceID)
		}
	}
	forgetOld(tx, tx.Now.Add(-memory))
	return cloud.None{}, nil
}

// forgetOld drops what began before a time and is over.
func forgetOld(tx *cloud.Tx, limit time.Time) {
	for x := range Sessions.Ordered(tx, byAge) {
		if x.StartedAt.After(limit) {
			break
		}
		if x.Status.Ended() {
			Sessions.Delete(tx, x.ID)
		}
	}
	for x := range Commands.Ordered(tx, byAge) {
		if x.RequestedAt.After(limit) {
			break
		}
		for i := range Invocations.By(tx, ByCommand, x.ID) {
			Invocations.Delete(tx, invocationKey(i.CommandID, i.InstanceID))
		}
		Commands.Delete(tx, x.ID)
	}
}

// TranscriptURL is where a session's transcript is, in AWS's words.
func (s *Session) TranscriptURL() string {
	if s.Bucket == "" || !s.Status.Ended() {
		return ""
	}
	return "https://s3.console.aws.amazon.com/s3/object/" + s.Bucket + "/" + s.Key + "?region=" + s.Region
}
