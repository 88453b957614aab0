package tlsconf

import "strings"

// modernName is what the name of a policy with TLS 1.3 says.
type modernName struct {
	least         string // 1-3, 1-2, 1-1, 1-0
	suites        string // "", Res, Ext0, Ext1, Ext2
	fips, quantum bool
}

// modern reads the name of a policy with TLS 1.3, of those that AWS has.
func modern(name string) (modernName, bool) {
	rest, ok := strings.CutPrefix(name, "ELBSecurityPolicy-TLS13-")
	if !ok || len(rest) < 4 {
		return modernName{}, false
	}
	m := modernName{least: rest[:3]}
	switch m.least {
	case "1-3", "1-2", "1-1", "1-0":
	default:
		return modernName{}, false
	}
	rest = rest[3:]
	date := ""
	for _, d := range []string{"-2021-06", "-2023-04", "-2025-09"} {
		if r, ok := strings.CutSuffix(rest, d); ok {
			rest, date = r, d[1:]
		}
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(rest, "-"), "-") {
		switch part {
		case "":
		case "Res", "Ext0", "Ext1", "Ext2":
			m.suites = part
		case "FIPS":
			m.fips = true
		case "PQ":
			m.quantum = true
		default:
			return modernName{}, false
		}
	}
	return m, m.exists(date)
}

// exists reports whether AWS has the policy with that date.
func (m modernName) exists(date string) bool {
	if m.suites != "" && m.least != "1-2" || m.suites == "Ext0" && !m.fips {
		return false
	}
	switch date {
	case "2021-06":
		return !m.fips && !m.quantum
	case "2023-04":
		return m.fips && !m.quantum
	case "2025-09":
		return m.quantum
	}
	return false
}
