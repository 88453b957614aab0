package ssm

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/musubi-net/musubi/internal/cloud"
)

var labelPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z_.\-][a-zA-Z0-9_.\-]{0,99}$`) })

// Label gives a version of a parameter labels, which it takes from the others, or
// takes labels away.
type Label struct {
	Name    string
	Version int // 0 is the latest
	Labels  []string
	Remove  bool
}

// Labelled is what became of the labels.
type Labelled struct {
	Version       int
	Done, Invalid []string
}

// Apply changes the labels.
func (c Label) Apply(tx *cloud.Tx) (Labelled, error) {
	p, ok := Parameters.Get(tx, tx.Caller.Key()+"/"+c.Name)
	if !ok {
		return Labelled{}, noParameter()
	}
	if c.Version == 0 {
		c.Version = p.Latest().Number
	}
	p.Versions = slices.Clone(p.Versions)
	n := slices.IndexFunc(p.Versions, func(v ParameterVersion) bool { return v.Number == c.Version })
	if n < 0 {
		return Labelled{}, absent("parameter", "ParameterVersionNotFound", "Systems Manager could not find version %s of %s. Verify the version and try again.", strconv.Itoa(c.Version), c.Name)
	}
	out := Labelled{Version: c.Version}
	for _, l := range c.Labels {
		low := strings.ToLower(l)
		valid := labelPattern().MatchString(l) && !strings.HasPrefix(low, "aws") && !strings.HasPrefix(low, "ssm")
		if !valid || c.Remove && !slices.Contains(p.Versions[n].Labels, l) {
			out.Invalid = append(out.Invalid, l)
			continue
		}
		for i := range p.Versions {
			p.Versions[i].Labels = slices.DeleteFunc(slices.Clone(p.Versions[i].Labels), func(x string) bool { return x == l && (!c.Remove || i == n) })
		}
		if !c.Remove {
			p.Versions[n].Labels = append(p.Versions[n].Labels, l)
		}
		out.Done = append(out.Done, l)
	}
	if len(p.Versions[n].Labels) > maxLabels {
		return out, limit("ParameterVersionLabelLimitExceeded", "A parameter version can have a maximum of %d labels.", maxLabels)
	}
	Parameters.Put(tx, p)
	return out, nil
}
