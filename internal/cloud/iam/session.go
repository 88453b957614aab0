package iam

import (
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// How long sessions last, in seconds.
const (
	shortestSession     = 900
	chainedSession      = 3600
	instanceSession     = 6 * 3600
	rootSession         = 3600
	longestTokenSession = 129600
)

// expiredMemory is how long keys are known after their end: they are refused as
// expired, not as unknown.
const expiredMemory = 24 * time.Hour

// instanceRenewal is how long before their end an instance's keys are replaced.
const instanceRenewal = 15 * time.Minute

// Identify returns the caller that a temporary access key was issued to. It
// knows nothing of time: ask Expired of the session, too.
func Identify(r cloud.Reader, accessKeyID string) (cloud.Caller, bool) {
	s, ok := Sessions.Get(r, accessKeyID)
	if !ok {
		return cloud.Caller{}, false
	}
	return cloud.Caller{Scope: cloud.Scope{Account: s.Account}, PrincipalARN: s.PrincipalARN, UserID: s.UserID(), Instance: s.InstanceID}, true
}

// UserID is what sts:GetCallerIdentity calls UserId.
func (s *Session) UserID() string {
	if s.RoleID == "" {
		return s.Account
	}
	return s.RoleID + ":" + s.SessionName
}

// Expired reports whether a temporary access key is known and no longer good.
func Expired(r cloud.Reader, accessKeyID string, now time.Time) bool {
	s, ok := Sessions.Get(r, accessKeyID)
	return ok && s.Expired(now)
}

// Expired reports whether the session's key is no longer good.
func (s *Session) Expired(now time.Time) bool { return !now.Before(s.Expires) }

// AssumeRole issues a session of a role that trusts the caller.
type AssumeRole struct {
	RoleARN, SessionName, ExternalID string
	Duration                         int // seconds; 0 is an hour
}

// Apply issues the session.
func (c AssumeRole) Apply(tx *cloud.Tx) (Session, error) {
	if err := checkSessionName(c.SessionName); err != nil {
		return Session{}, err
	}
	duration := c.Duration
	if duration == 0 {
		duration = defaultSession
	}
	if err := checkDuration("durationSeconds", duration, shortestSession, maxSession); err != nil {
		return Session{}, err
	}
	role, err := roleByARN(tx, c.RoleARN)
	if err != nil {
		return Session{}, err
	}
	if !(request{caller: tx.Caller, role: role, externalID: c.ExternalID, sessionName: c.SessionName}).trusts() {
		return Session{}, mayNotAssume(tx, c.RoleARN)
	}
	if duration > role.MaxSessionDuration {
		return Session{}, invalid("durationSeconds", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if duration > chainedSession && strings.Contains(tx.Caller.PrincipalARN, ":assumed-role/") {
		return Session{}, invalid("durationSeconds", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	return keep(tx, newSession(role, c.SessionName), duration), nil
}

func mayNotAssume(tx *cloud.Tx, arn string) *cloud.Error {
	return denied("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", tx.Caller.PrincipalARN, arn)
}

// roleByARN finds a role of any account. One that does not exist is refused as
// one that may not be assumed, so that nobody learns which roles exist.
func roleByARN(tx *cloud.Tx, arn string) (Role, error) {
	account, path, ok := strings.Cut(strings.TrimPrefix(arn, "arn:aws:iam::"), ":role/")
	if !ok || !strings.HasPrefix(arn, "arn:aws:iam::") || !accountPattern.MatchString(account) {
		return Role{}, invalid("roleArn", "%s is invalid", arn)
	}
	role, ok := Roles.Get(tx, account+"/"+path[strings.LastIndex(path, "/")+1:])
	if !ok || role.ARN() != arn {
		return Role{}, mayNotAssume(tx, arn)
	}
	return role, nil
}

func checkSessionName(name string) error {
	if len(name) < 2 {
		return invalid("roleSessionName", "1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2", name)
	}
	if len(name) > 64 {
		return invalid("roleSessionName", "1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64", name)
	}
	if !namePattern.MatchString(name) {
		return invalid("roleSessionName", `1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`, name)
	}
	return nil
}

// GetSessionToken issues temporary keys of the caller itself.
type GetSessionToken struct{ Duration int }

// Apply issues the keys.
func (c GetSessionToken) Apply(tx *cloud.Tx) (Session, error) {
	if strings.Contains(tx.Caller.PrincipalARN, ":assumed-role/") {
		return Session{}, denied("Cannot call GetSessionToken with session credentials")
	}
	duration := c.Duration
	if duration == 0 {
		duration = rootSession
	}
	if err := checkDuration("durationSeconds", duration, shortestSession, longestTokenSession); err != nil {
		return Session{}, err
	}
	// AWS limits the root user's sessions to an hour without an error.
	if tx.Caller.PrincipalARN == rootARN(tx.Caller.Account) {
		duration = min(duration, rootSession)
	}
	return keep(tx, Session{Account: tx.Caller.Account, PrincipalARN: tx.Caller.PrincipalARN}, duration), nil
}

// IssueInstanceCredentials gives an instance keys of its role, as the metadata
// service does: the same ones until they are about to expire. Only the
// reconciler may ask.
type IssueInstanceCredentials struct{ Account, RoleName, InstanceID string }

// Apply issues the keys.
func (c IssueInstanceCredentials) Apply(tx *cloud.Tx) (Session, error) {
	if !tx.Caller.Internal {
		return Session{}, denied("User: %s is not authorized to perform: sts:AssumeRole on behalf of an instance", tx.Caller.PrincipalARN)
	}
	role, err := FindRole(tx, c.Account, c.RoleName)
	if err != nil {
		return Session{}, err
	}
	for s := range Sessions.By(tx, byRoleSession, role.ID+"/"+c.InstanceID) {
		if s.InstanceID == c.InstanceID && s.Expires.Sub(tx.Now) > instanceRenewal {
			return s, nil
		}
	}
	s := newSession(role, c.InstanceID)
	s.InstanceID = c.InstanceID
	return keep(tx, s, instanceSession), nil
}

// newSession is a session of a role that has no keys yet.
func newSession(role Role, name string) Session {
	return Session{
		Account: role.Account, RoleName: role.Name, RoleID: role.ID, SessionName: name,
		PrincipalARN: "arn:aws:sts::" + role.Account + ":assumed-role/" + role.Name + "/" + name,
	}
}

// keep makes the keys of a session and stores it; sessions that are long over go.
func keep(tx *cloud.Tx, s Session, seconds int) Session {
	for old := range Sessions.Ordered(tx, byExpiry) {
		if !old.Expired(tx.Now.Add(-expiredMemory)) {
			break
		}
		Sessions.Delete(tx, old.AccessKeyID)
	}
	s.AccessKeyID = "ASIA" + tx.IDs.Upper(16)
	s.SecretKey = tx.IDs.Alnum(40)
	s.Token = tx.IDs.Alnum(356)
	s.Expires = tx.Now.Add(time.Duration(seconds) * time.Second).Truncate(time.Second)
	Sessions.Put(tx, s)
	return s
}

// dropSessions ends the sessions of a role that is deleted.
func dropSessions(tx *cloud.Tx, role Role) {
	for s := range Sessions.By(tx, byRole, role.ID) {
		Sessions.Delete(tx, s.AccessKeyID)
	}
}
