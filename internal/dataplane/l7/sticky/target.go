package sticky

import (
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// Target is the key of the target at which a request's cookies keep it, in a
// group with stickiness. It may be one that is gone by now.
func (c *Codec) Target(request Headers, g *spec.BalancerGroup) (key string, ok bool) {
	if g.Stickiness == nil {
		return "", false
	}
	switch g.Stickiness.Type {
	case "lb_cookie":
		for _, name := range [...]string{"AWSALB", "AWSALBCORS"} {
			each(request, name, func(v string) bool {
				key, ok = find(c.open(forTarget, v), g.ARN)
				return !ok
			})
			if ok {
				return key, true
			}
		}
	case "app_cookie":
		// Clients have to send both cookies, the application's and ours.
		if _, sent := first(request, g.Stickiness.Cookie); sent {
			return find(c.app(request), g.ARN)
		}
	}
	return "", false
}

func find(in []entry, group string) (target string, ok bool) {
	for _, e := range in {
		if e.group == group {
			return e.target, true
		}
	}
	return "", false
}

// SetTarget makes the Set-Cookie values for a response from a target. Sticky says
// whether Target found the request to be in a session, which then goes on, with
// this target and from now; response has what the target set.
func (c *Codec) SetTarget(request, response Headers, g *spec.BalancerGroup, key string, sticky bool) []string {
	if g.Stickiness == nil {
		return nil
	}
	e := entry{until: c.until(g.Stickiness.Seconds), group: g.ARN, target: key}
	switch g.Stickiness.Type {
	case "lb_cookie":
		v := c.seal(forTarget, e)
		return []string{c.setCookie("AWSALB", v, ""), c.setCookie("AWSALBCORS", v, cors)}
	case "app_cookie":
		if sticky || sets(response, g.Stickiness.Cookie) {
			return c.setApp(request, e)
		}
	}
	return nil
}

func (c *Codec) until(seconds int) int64 {
	return c.now().Add(time.Duration(seconds) * time.Second).Unix()
}
