package ssm

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ssm"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/ssm"
	"github.com/musubi-net/musubi/internal/engine"
)

func (a *API) sessionOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("StartSession", a.startSession),
		protocol.Op("ResumeSession", a.resumeSession),
		protocol.Op("TerminateSession", a.terminateSession),
		protocol.Op("DescribeSessions", a.describeSessions),
		protocol.Op("GetConnectionStatus", a.getConnectionStatus),
	}
}

// internal is who reports what happened.
func internal(c cloud.Caller) cloud.Caller { return cloud.Caller{Scope: c.Scope, Internal: true} }

// newToken makes the secret that a session's client shows: as long as AWS's.
func newToken() string {
	raw := make([]byte, 192)
	_, _ = rand.Read(raw) // never fails
	return base64.StdEncoding.EncodeToString(raw)
}

// streamURL is where a session's client connects: the way that it came by.
func streamURL(call *protocol.Call, sessionID string) string {
	scheme, host := "ws", call.Host
	if call.Inside {
		scheme, host = "wss", amazon.Host("ssmmessages", call.Caller.Region)
	}
	return scheme + "://" + host + "/v1/data-channel/" + url.PathEscape(sessionID) + "?role=publish_subscribe"
}

func (a *API) startSession(ctx context.Context, call *protocol.Call, in *model.StartSessionRequest) (*model.StartSessionResponse, error) {
	s, err := engine.Do(ctx, a.engine, call.Caller, ssm.StartSession{
		Target: val(in.Target), Document: val(in.DocumentName), Reason: val(in.Reason), Parameters: in.Parameters, Connected: a.agents.Connected,
	})
	if err != nil {
		return nil, err
	}
	token := newToken()
	if err := a.agents.Open(ctx, s.Wire, token); err != nil {
		// It was connected a moment ago.
		_, failed := engine.Do(ctx, a.engine, internal(call.Caller), ssm.ReportSession{ID: s.Session.ID, Status: ssm.SessionFails, Details: "The agent is not connected.", NoTranscript: true})
		return nil, errors.Join(ssm.NotConnected(s.Session.Target), failed)
	}
	return &model.StartSessionResponse{SessionId: new(s.Session.ID), TokenValue: &token, StreamUrl: new(streamURL(call, s.Session.ID))}, nil
}

func (a *API) resumeSession(_ context.Context, call *protocol.Call, in *model.ResumeSessionRequest) (*model.ResumeSessionResponse, error) {
	s, err := ssm.FindSession(a.engine.Snapshot(), call.Caller.Scope, val(in.SessionId))
	if err != nil {
		return nil, err
	}
	token := newToken()
	if a.agents.Resume(s.ID, token) != nil {
		return nil, ssm.NotConnected(s.Target)
	}
	return &model.ResumeSessionResponse{SessionId: new(s.ID), TokenValue: &token, StreamUrl: new(streamURL(call, s.ID))}, nil
}

func (a *API) terminateSession(ctx context.Context, call *protocol.Call, in *model.TerminateSessionRequest) (*model.TerminateSessionResponse, error) {
	s, err := engine.Do(ctx, a.engine, call.Caller, ssm.TerminateSession{ID: val(in.SessionId)})
	if err != nil {
		return nil, err
	}
	if s.Status == ssm.Terminating && a.agents.Terminate(s.ID, "") != nil {
		// Nothing is left of it that could report its end.
		if _, err := engine.Do(ctx, a.engine, internal(call.Caller), ssm.ReportSession{ID: s.ID, Status: ssm.Terminated}); err != nil {
			return nil, err
		}
	}
	return &model.TerminateSessionResponse{SessionId: new(s.ID)}, nil
}

func (a *API) getConnectionStatus(_ context.Context, call *protocol.Call, in *model.GetConnectionStatusRequest) (*model.GetConnectionStatusResponse, error) {
	status := "notconnected"
	if _, i, ok := ssm.Managed(a.engine.Snapshot(), call.Caller.Scope, val(in.Target)); ok && i.State == compute.Running && a.agents.Connected(i.ID) {
		status = "connected"
	}
	return &model.GetConnectionStatusResponse{Target: in.Target, Status: &status}, nil
}

const sessionsPage = 200

func (a *API) describeSessions(_ context.Context, call *protocol.Call, in *model.DescribeSessionsRequest) (*model.DescribeSessionsResponse, error) {
	keep, err := sessionFilter(in.Filters)
	if err != nil {
		return nil, err
	}
	var all []ssm.Session
	for s := range ssm.Sessions.By(a.engine.Snapshot(), ssm.ByScope, call.Caller.Key()) {
		if s.Status.Ended() == (val(in.State) == "History") && keep(s) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(x, y ssm.Session) int {
		if n := y.StartedAt.Compare(x.StartedAt); n != 0 {
			return n
		}
		return strings.Compare(x.ID, y.ID)
	})
	list, next, err := page(all, in.NextToken, in.MaxResults, sessionsPage, func(s ssm.Session) string { return s.ID })
	if err != nil {
		return nil, err
	}
	out := &model.DescribeSessionsResponse{Sessions: []model.Session{}, NextToken: next}
	for _, s := range list {
		out.Sessions = append(out.Sessions, sessionView(s))
	}
	return out, nil
}

// sessionFilter is all filters in one.
func sessionFilter(filters []model.SessionFilter) (func(ssm.Session) bool, error) {
	all := []func(ssm.Session) bool{}
	for _, f := range filters {
		key, want := val(f.Key), val(f.Value)
		switch key {
		case "InvokedAfter", "InvokedBefore":
			t, err := when(want)
			if err != nil {
				return nil, err
			}
			all = append(all, func(s ssm.Session) bool { return s.StartedAt.After(t) == (key == "InvokedAfter") })
		case "Target":
			all = append(all, func(s ssm.Session) bool { return s.Target == want })
		case "Owner":
			all = append(all, func(s ssm.Session) bool { return s.Owner == want })
		case "Status":
			all = append(all, func(s ssm.Session) bool { return string(s.Status) == want })
		case "SessionId":
			all = append(all, func(s ssm.Session) bool { return s.ID == want })
		case "AccessType":
			all = append(all, func(ssm.Session) bool { return want == "Standard" })
		default:
			return nil, invalidKey(key)
		}
	}
	return func(s ssm.Session) bool {
		return !slices.ContainsFunc(all, func(keep func(ssm.Session) bool) bool { return !keep(s) })
	}, nil
}

func sessionView(s ssm.Session) model.Session {
	v := model.Session{
		SessionId: &s.ID, Target: &s.Target, Status: new(string(s.Status)), StartDate: moment(s.StartedAt), EndDate: moment(s.EndedAt),
		DocumentName: &s.Document, Owner: &s.Owner, Reason: filled(s.Reason), Details: filled(s.Details), AccessType: new("Standard"),
		OutputUrl: &model.SessionManagerOutputUrl{S3OutputUrl: filled(s.TranscriptURL())},
	}
	if s.MaxMinutes > 0 {
		v.MaxSessionDuration = new(strconv.Itoa(s.MaxMinutes))
	}
	return v
}
