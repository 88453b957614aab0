package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// What is expected of the PrivateLink path, everywhere.
const (
	ofPlain   = 0.60
	ofHAProxy = 1.3
)

// report is the result.
type report struct {
	Rounds  int      `json:"rounds"`
	Seconds float64  `json:"seconds"` // of one measurement
	Paths   []string `json:"paths"`
	Rows    []line   `json:"rows"`
	// Busy is the share of the CPUs that was busy before the start.
	Busy     float64  `json:"busy"`
	Verdicts []string `json:"verdicts"`
}

// line is a row with its values. Ratios are to plain; those in Beside are
// PrivateLink's to the proxies. In all of them more is better.
type line struct {
	Key    string            `json:"key"`
	Unit   string            `json:"unit"`
	Values map[string]spread `json:"values"`
	Ratios map[string]spread `json:"ratios"`
	Beside map[string]spread `json:"beside"`
	row    row
}

// measured are the outcomes: by cell and path, one of each round.
type measured map[string]map[string][]outcome

func reportOf(o options, paths []string, m measured, busy float64) *report {
	r := &report{Rounds: o.rounds, Seconds: o.time.Seconds(), Paths: paths, Busy: busy}
	for _, c := range cells() {
		for _, w := range c.rows {
			r.Rows = append(r.Rows, lineOf(w, paths, m[c.name]))
		}
	}
	r.Verdicts = append(r.Verdicts, r.verdict(plain, ofPlain))
	for _, p := range paths {
		if p == haproxy {
			r.Verdicts = append(r.Verdicts, r.verdict(haproxy, ofHAProxy))
		}
	}
	return r
}

func lineOf(w row, paths []string, m map[string][]outcome) line {
	l := line{Key: w.key, Unit: w.unit, row: w, Values: map[string]spread{}, Ratios: map[string]spread{}, Beside: map[string]spread{}}
	values := map[string][]float64{}
	for _, p := range paths {
		for _, o := range m[p] {
			values[p] = append(values[p], w.value(o))
		}
	}
	for _, p := range paths {
		l.Values[p] = spreadOf(values[p])
		if p != plain {
			l.Ratios[p] = spreadOf(goodness(values[p], values[plain], w.less))
		}
		if p != plain && p != privateLink {
			l.Beside[p] = spreadOf(goodness(values[privateLink], values[p], w.less))
		}
	}
	return l
}

// verdict says where PrivateLink is less than it should be of a path.
func (r *report) verdict(of string, least float64) string {
	var not []string
	heading := ""
	for _, l := range r.Rows {
		s := l.Ratios[privateLink]
		if of != plain {
			s = l.Beside[of]
		}
		label := l.row.label
		if strings.HasPrefix(label, " ") {
			label = heading + " " + strings.TrimSpace(label)
		} else {
			heading = label
		}
		// The median counts as it is printed.
		if number(s.Median) != number(max(s.Median, least)) {
			not = append(not, label+" "+number(s.Median))
		}
	}
	what := fmt.Sprintf("PrivateLink is at least %s of plain", number(least))
	if of != plain {
		what = fmt.Sprintf("PrivateLink is at least %g times %s", least, of)
	}
	switch {
	case len(not) == 0:
		return what + " everywhere."
	case len(not) == len(r.Rows):
		return what + " nowhere: " + strings.Join(not, "; ") + "."
	}
	return what + ", but not in: " + strings.Join(not, "; ") + "."
}

const width = 80

// text is the table.
func (r *report) text() string {
	var b strings.Builder
	b.WriteString(wrap("", fmt.Sprintf("Plain routing is the limit. The others are ratios to it; more is better (for times and CPU, plain's divided by the path's). Medians of %d rounds of %s, taken in turn; in brackets the least and the most.", r.Rounds, time.Duration(r.Seconds*float64(time.Second))), width))
	b.WriteByte('\n')
	fmt.Fprintf(&b, "%-16s%13s", "", plain)
	for _, p := range r.Paths[1:] {
		fmt.Fprintf(&b, "%17s", p)
	}
	b.WriteByte('\n')
	for _, l := range r.Rows {
		fmt.Fprintf(&b, "%-16s%s", l.row.label, right(absolute(l.Values[plain].Median, l.Unit), 13))
		for _, p := range r.Paths[1:] {
			s := l.Ratios[p]
			fmt.Fprintf(&b, "%17s", fmt.Sprintf("%s (%s-%s)", number(s.Median), number(s.Least), number(s.Most)))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	for _, v := range r.Verdicts {
		b.WriteString(wrap("  ", v, width))
	}
	if r.Busy >= .1 {
		b.WriteString(wrap("  ", busyText(r.Busy), width))
	}
	return b.String()
}

func busyText(share float64) string {
	return fmt.Sprintf("Other programs kept the CPUs %.0f %% busy before the start: do not trust small differences, and CPU s/GB less.", 100*share)
}

// number prints a ratio: .64, 1.08.
func number(v float64) string { return strings.TrimPrefix(fmt.Sprintf("%.2f", v), "0") }

// absolute prints a value with its unit.
func absolute(v float64, unit string) string {
	switch {
	case unit == "/s" && v >= 10_000:
		return fmt.Sprintf("%.1f k/s", v/1000)
	case unit == "/s":
		return fmt.Sprintf("%.0f /s", v)
	case unit == "µs" && v >= 10_000:
		return absolute(v/1000, "ms")
	case v >= 100:
		return fmt.Sprintf("%.0f %s", v, unit)
	case v >= 10:
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.2f %s", v, unit)
}

// right aligns by characters.
func right(s string, n int) string {
	return strings.Repeat(" ", max(0, n-utf8.RuneCountInString(s))) + s
}

// wrap breaks a text at spaces; further lines begin with the indentation.
func wrap(indent, s string, n int) string {
	var b strings.Builder
	at := 0
	for i, w := range strings.Fields(s) {
		k := utf8.RuneCountInString(w)
		switch {
		case i == 0:
		case at+1+k > n:
			b.WriteString("\n" + indent)
			at = len(indent)
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(w)
		at += k
	}
	b.WriteByte('\n')
	return b.String()
}
