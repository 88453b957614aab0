package sticky

import "github.com/musubi-net/musubi/internal/spec"

// Group is the ARN of the group at which a request's cookies keep it, if it is
// one of the action's. A group whose weight is 0 by now keeps its clients.
func (c *Codec) Group(request Headers, f *spec.ForwardAction) (arn string, ok bool) {
	if f.StickySeconds == 0 {
		return "", false
	}
	for _, name := range [...]string{"AWSALBTG", "AWSALBTGCORS"} {
		each(request, name, func(v string) bool {
			for _, e := range c.open(forGroup, v) {
				if among(f, e.group) {
					arn, ok = e.group, true
				}
			}
			return !ok
		})
		if ok {
			return arn, true
		}
	}
	return "", false
}

func among(f *spec.ForwardAction, arn string) bool {
	for i := range f.Groups {
		if f.Groups[i].Group == arn {
			return true
		}
	}
	return false
}

// SetGroup makes the Set-Cookie values that keep a client at a group, none for
// an action without stickiness.
func (c *Codec) SetGroup(f *spec.ForwardAction, arn string) []string {
	if f.StickySeconds == 0 {
		return nil
	}
	v := c.seal(forGroup, entry{until: c.until(f.StickySeconds), group: arn})
	return []string{c.setCookie("AWSALBTG", v, ""), c.setCookie("AWSALBTGCORS", v, cors)}
}
