package elb

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// The types of actions that are served.
const (
	ActionForward  = "forward"
	ActionRedirect = "redirect"
	ActionFixed    = "fixed-response"
)

// ActionsOf lists a listener's default actions, whatever its type.
func ActionsOf(x Listener) []Action {
	if len(x.Actions) > 0 {
		return x.Actions
	}
	return []Action{{Type: ActionForward, Order: 1, Forward: &Forward{Groups: x.Targets, StickySeconds: x.GroupStickinessSeconds}}}
}

// setActions checks and sets the default actions.
func (x *Listener) setActions(r cloud.Reader, l LoadBalancer, actions []Action) error {
	checked, err := checkActions(r, l, *x, "defaultActions", actions)
	if err != nil {
		return err
	}
	if l.IsApplication() {
		x.Actions = checked
		return nil
	}
	f := checked[0].Forward
	x.Targets, x.GroupStickinessSeconds = f.Groups, f.StickySeconds
	return nil
}

// checkActions applies every rule that the actions of a listener or of a rule
// obey, and returns them complete. path is their name in a request.
func checkActions(r cloud.Reader, l LoadBalancer, x Listener, path string, actions []Action) ([]Action, error) {
	if !l.IsApplication() && len(actions) != 1 {
		return nil, invalid(subjectListener, "A listener must have exactly one default action")
	}
	out, err := orderActions(l, path, actions)
	if err != nil {
		return nil, err
	}
	last := &out[len(out)-1]
	at := fmt.Sprintf("%s.%d.member", path, len(out))
	switch last.Type {
	case ActionRedirect:
		if last.Redirect == nil {
			return nil, invalid(subjectListener, "A redirect action must have a redirect configuration")
		}
		full := last.Redirect.full()
		last.Redirect = &full
		return out, full.check(x)
	case ActionFixed:
		if last.Fixed == nil {
			return nil, invalid(subjectListener, "A fixed-response action must have a fixed-response configuration")
		}
		return out, last.Fixed.check(at)
	}
	if last.Forward == nil {
		return nil, invalid(subjectListener, "A target group ARN must be specified")
	}
	return out, checkForward(r, l, x, at, *last.Forward)
}

// orderActions sorts actions by their order and says whether such a list can
// be: exactly one of the served types, as the last.
func orderActions(l LoadBalancer, path string, actions []Action) ([]Action, error) {
	if len(actions) == 0 {
		return nil, invalid(subjectListener, "At least one action must be specified")
	}
	out := slices.Clone(actions)
	for i, a := range out {
		if err := checkActionType(l, fmt.Sprintf("%s.%d.member", path, i+1), a.Type); err != nil {
			return nil, err
		}
		if a.Order == 0 && len(out) > 1 {
			return nil, invalid(subjectListener, "An action order must be specified for each action if there is more than one")
		}
		if a.Order == 0 {
			out[i].Order = 1
		}
		if err := checkRange(subjectListener, fmt.Sprintf("%s.%d.member.order", path, i+1), out[i].Order, 1, 50000); err != nil {
			return nil, err
		}
	}
	if len(out) > 1 {
		// Only authentication may come before the last action.
		return nil, badAction("You must specify exactly one action of type 'forward', 'redirect' or 'fixed-response', and it must be the last action")
	}
	return out, nil
}

func checkActionType(l LoadBalancer, path, t string) error {
	if err := checkOneOf(subjectListener, path+".type", t, ActionForward, "authenticate-oidc", "authenticate-cognito",
		ActionRedirect, ActionFixed, "jwt-validation"); err != nil {
		return err
	}
	switch {
	case !l.IsApplication() && t != ActionForward:
		return badAction("Actions of type '%s' are not supported on load balancers with type '%s'", t, l.Type)
	case t == "authenticate-oidc", t == "authenticate-cognito", t == "jwt-validation":
		return notServed(subjectListener, "An action of type '%s'", t)
	}
	return nil
}

func badAction(format string, args ...any) error {
	return cloud.Errorf(cloud.KindInvalid, subjectListener, "InvalidLoadBalancerAction", format, args...)
}

// full fills in what AWS takes for what is not given.
func (d Redirect) full() Redirect {
	d.Protocol = orDefault(d.Protocol, "#{protocol}")
	d.Host = orDefault(d.Host, "#{host}")
	d.Port = orDefault(d.Port, "#{port}")
	d.Path = orDefault(d.Path, "/#{path}")
	return d
}

// check applies the rules of a complete redirect on a listener.
func (d Redirect) check(x Listener) error {
	if err := checkOneOf(subjectListener, "redirectConfig.protocol", d.Protocol, "HTTP", "HTTPS", "#{protocol}"); err != nil {
		return err
	}
	if err := checkOneOf(subjectListener, "redirectConfig.statusCode", d.StatusCode, "HTTP_301", "HTTP_302"); err != nil {
		return err
	}
	if n, err := strconv.Atoi(d.Port); d.Port != "#{port}" && (err != nil || n < 1 || n > 65535) {
		return badAction("The redirect port '%s' is not valid: it must be a number from 1 to 65535 or #{port}", d.Port)
	}
	switch {
	case !strings.HasPrefix(d.Path, "/"):
		return badAction("The redirect path '%s' must start with '/'", d.Path)
	case len(d.Path) > 128 || len(d.Host) > 128 || len(d.Query) > 128:
		return badAction("The host, the path and the query of a redirect cannot be longer than '128' characters")
	case strings.ContainsAny(d.Host, "*?/ "):
		return badAction("The redirect host '%s' is not valid", d.Host)
	case strings.HasPrefix(d.Query, "?"):
		return badAction("The redirect query '%s' must not start with '?'", d.Query)
	case x.Protocol == "HTTPS" && d.Protocol == "HTTP":
		return badAction("The redirect configuration is not valid because HTTPS cannot be redirected to HTTP")
	}
	if !placeholdersKnown(d.Host + d.Path + d.Query) {
		return badAction("The redirect configuration has a placeholder that is not one of #{protocol}, #{host}, #{port}, #{path} and #{query}")
	}
	protocol := d.Protocol == "#{protocol}" || d.Protocol == x.Protocol
	port := d.Port == "#{port}" || d.Port == strconv.Itoa(x.Port)
	if protocol && port && d.Host == "#{host}" && d.Path == "/#{path}" {
		return badAction("The redirect configuration is not valid because it creates a loop.")
	}
	return nil
}

func placeholdersKnown(s string) bool {
	for _, p := range []string{"protocol", "host", "port", "path", "query"} {
		s = strings.ReplaceAll(s, "#{"+p+"}", "")
	}
	return !strings.Contains(s, "#{")
}

// check applies the rules of a fixed response; at is the action in a request.
func (f FixedResponse) check(at string) error {
	if ok, err := regexp.MatchString(`^[245]\d\d$`, f.StatusCode); err != nil || !ok {
		return invalid(subjectListener, "1 validation error detected: Value '%s' at '%s.fixedResponseConfig.statusCode' failed to satisfy "+
			"constraint: Member must satisfy regular expression pattern: ^(2|4|5)\\d\\d$", f.StatusCode, at)
	}
	types := []string{"text/html", "application/json", "application/javascript", "text/css", "text/plain"}
	if f.ContentType != "" && !slices.Contains(types, f.ContentType) {
		return badAction("The ContentType must be one of:'%s'", strings.Join(types, "', '"))
	}
	if len(f.Body) > 1024 {
		return invalid(subjectListener, "1 validation error detected: Value at '%s.fixedResponseConfig.messageBody' failed to satisfy "+
			"constraint: Member must have length less than or equal to 1024", at)
	}
	return nil
}
