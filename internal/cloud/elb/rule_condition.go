package elb

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// The fields of conditions.
const (
	FieldHost   = "host-header"
	FieldPath   = "path-pattern"
	FieldHeader = "http-header"
	FieldMethod = "http-request-method"
	FieldQuery  = "query-string"
	FieldSource = "source-ip"
)

// AWS's limits of a rule's conditions.
const (
	maxConditionValues = 5
	maxWildcards       = 6
	maxConditionLength = 128
	maxHeaderName      = 40
)

// checkConditions applies every rule that a rule's conditions obey, and returns
// them complete.
func checkConditions(conditions []Condition) ([]Condition, error) {
	if len(conditions) == 0 {
		return nil, invalid(subjectRule, "A condition must be specified")
	}
	out := slices.Clone(conditions)
	fields := map[string]int{}
	values, wildcards := 0, 0
	for i := range out {
		c := &out[i]
		if err := c.check(); err != nil {
			return nil, err
		}
		fields[c.Field]++
		if fields[c.Field] > 1 && c.Field != FieldHeader && c.Field != FieldQuery {
			return nil, invalid(subjectRule, "A rule can only have '1' condition of type '%s'", c.Field)
		}
		values += len(c.Values) + len(c.Pairs)
		wildcards += c.wildcards()
	}
	if values > maxConditionValues {
		return nil, invalid(subjectRule, "A rule can only have '%d' condition values", maxConditionValues)
	}
	if wildcards > maxWildcards {
		return nil, invalid(subjectRule, "A rule can only have '%d' condition wildcards", maxWildcards)
	}
	return out, nil
}

// wildcards counts the wildcards of a condition.
func (c Condition) wildcards() int {
	if c.Field == FieldMethod || c.Field == FieldSource {
		return 0
	}
	n := 0
	for _, v := range c.Values {
		n += wildcardsIn(v)
	}
	for _, p := range c.Pairs {
		n += wildcardsIn(p.Key) + wildcardsIn(p.Value)
	}
	return n
}

func wildcardsIn(v string) int {
	v = strings.NewReplacer(`\*`, "", `\?`, "").Replace(v)
	return strings.Count(v, "*") + strings.Count(v, "?")
}

func (c *Condition) check() error {
	if c.Field == FieldQuery {
		return c.checkPairs()
	}
	var one func(string) error
	switch c.Field {
	case FieldHost:
		one = checkHost
	case FieldPath:
		one = checkPath
	case FieldMethod:
		one = checkMethod
	case FieldSource:
		one = checkSource
	case FieldHeader:
		if err := checkHeader(c.Header); err != nil {
			return err
		}
		one = checkHeaderValue
	default:
		return invalid(subjectRule, "Condition field '%s' must be one of '[%s]'", c.Field,
			strings.Join([]string{FieldPath, FieldHost, FieldHeader, FieldMethod, FieldQuery, FieldSource}, ","))
	}
	if len(c.Values) == 0 {
		return invalid(subjectRule, "A condition value must be specified")
	}
	if c.Legacy && c.Field != FieldHost && c.Field != FieldPath {
		return invalid(subjectRule, "The 'Values' field is not compatible with '%s'", c.Field)
	}
	for _, v := range c.Values {
		if v == "" {
			return invalid(subjectRule, "A condition value must be specified")
		}
		if err := one(v); err != nil {
			return err
		}
	}
	return nil
}

func tooLong(field string, limit int) error {
	return invalid(subjectRule, "The '%s' value is too long; the limit is '%d'", field, limit)
}

func badValue(field, v string) error {
	return invalid(subjectRule, "The '%s' value '%s' is not valid", field, v)
}

// matches is regexp.MatchString for patterns of this file.
func matches(pattern, v string) bool {
	ok, err := regexp.MatchString(pattern, v)
	return err == nil && ok
}

// checkHost: a name with a dot, and only letters after the last one.
func checkHost(v string) error {
	if len(v) > maxConditionLength {
		return tooLong(FieldHost, maxConditionLength)
	}
	if !matches(`^[-A-Za-z0-9.*?]*\.[A-Za-z*?]+$`, v) {
		return badValue(FieldHost, v)
	}
	return nil
}

func checkPath(v string) error {
	if len(v) > maxConditionLength {
		return tooLong(FieldPath, maxConditionLength)
	}
	if !matches(`^[-A-Za-z0-9_.$/~"'@:+&*?]+$`, v) {
		return badValue(FieldPath, v)
	}
	return nil
}

func checkHeader(name string) error {
	switch {
	case name == "":
		return invalid(subjectRule, "An 'HttpHeaderName' must be specified with '%s'", FieldHeader)
	case len(name) > maxHeaderName:
		return tooLong("HttpHeaderName", maxHeaderName)
	case strings.EqualFold(name, "host"):
		return invalid(subjectRule, "You cannot specify the 'Host' header with '%s'; use '%s'", FieldHeader, FieldHost)
	case !matches("^[-A-Za-z0-9!#$%&'+.^_`|~]+$", name):
		return badValue("HttpHeaderName", name)
	}
	return nil
}

func checkHeaderValue(v string) error {
	if len(v) > maxConditionLength {
		return tooLong(FieldHeader, maxConditionLength)
	}
	if !matches(`^[\x20-\x7e]+$`, v) {
		return badValue(FieldHeader, v)
	}
	return nil
}

func checkMethod(v string) error {
	if len(v) > maxHeaderName {
		return tooLong(FieldMethod, maxHeaderName)
	}
	if !matches(`^[-A-Z_]+$`, v) {
		return badValue(FieldMethod, v)
	}
	return nil
}

func checkSource(v string) error {
	if _, err := netip.ParsePrefix(v); err != nil {
		return invalid(subjectRule, "The '%s' value '%s' is not a valid CIDR block", FieldSource, v)
	}
	return nil
}

func (c *Condition) checkPairs() error {
	if len(c.Values) > 0 {
		return invalid(subjectRule, "The 'Values' field is not compatible with '%s'", FieldQuery)
	}
	if len(c.Pairs) == 0 {
		return invalid(subjectRule, "A condition value must be specified")
	}
	for _, p := range c.Pairs {
		switch {
		case p.Value == "":
			return invalid(subjectRule, "A value must be specified for each '%s' condition", FieldQuery)
		case len(p.Key) > maxConditionLength || len(p.Value) > maxConditionLength:
			return tooLong(FieldQuery, maxConditionLength)
		case !matches(`^[\x20-\x7e]*$`, p.Key+p.Value):
			return badValue(FieldQuery, p.Key+"="+p.Value)
		}
	}
	return nil
}
