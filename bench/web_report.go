package main

import (
	"fmt"
	"strings"
	"time"
)

// webReport is the result of the second part. Ratios are the ALB's to the others;
// more is better.
type webReport struct {
	Rounds  int      `json:"rounds"`
	Seconds float64  `json:"seconds"`
	Names   []string `json:"names"`
	Rows    []line   `json:"rows"`
	// Client is the largest share of the CPUs that the client took.
	Client   float64  `json:"client"`
	Busy     float64  `json:"busy"`
	Verdicts []string `json:"verdicts"`
}

func webReportOf(o options, names []string, m measured, busy float64) *webReport {
	r := &webReport{Rounds: o.rounds, Seconds: o.time.Seconds() / 2, Names: names, Busy: busy}
	for _, c := range webCells() {
		if m[c.name] == nil {
			continue
		}
		for _, w := range webRows(c) {
			r.Rows = append(r.Rows, webLine(w, names, m[c.name]))
		}
		for _, all := range m[c.name] {
			for _, v := range all {
				if v.Whole > 0 {
					r.Client = max(r.Client, v.Client/v.Whole/float64(cores()))
				}
			}
		}
	}
	for _, name := range names[1:] {
		r.Verdicts = append(r.Verdicts, r.verdict(name))
	}
	return r
}

func webLine(w row, names []string, m map[string][]outcome) line {
	l := line{Key: w.key, Unit: w.unit, row: w, Values: map[string]spread{}, Ratios: map[string]spread{}}
	values := map[string][]float64{}
	for _, n := range names {
		for _, o := range m[n] {
			values[n] = append(values[n], w.value(o))
		}
		l.Values[n] = spreadOf(values[n])
		if n != alb {
			l.Ratios[n] = spreadOf(goodness(values[alb], values[n], w.less))
		}
	}
	return l
}

// verdict says where the ALB is behind another proxy.
func (r *webReport) verdict(of string) string {
	var not []string
	heading, speeds := "", 0
	for _, l := range r.Rows {
		label := l.row.label
		if strings.HasSuffix(l.Key, "_cpu") {
			continue
		}
		speeds++
		if strings.HasPrefix(label, " ") {
			label = heading + " " + strings.TrimSpace(label)
		} else {
			heading = label
		}
		if s := l.Ratios[of]; number(s.Median) != number(max(s.Median, 1)) {
			not = append(not, label+" "+number(s.Median))
		}
	}
	what := "The ALB is not behind " + of
	switch {
	case len(not) == 0:
		return what + " anywhere."
	case len(not) == speeds:
		return "The ALB is behind " + of + " everywhere: " + strings.Join(not, "; ") + "."
	}
	return what + ", but in: " + strings.Join(not, "; ") + "."
}

// text is the table.
func (r *webReport) text() string {
	var b strings.Builder
	b.WriteString(wrap("", fmt.Sprintf("Reverse proxies on the router of a VPC with all its rules; HTTP/1.1 GET, %d bytes back from two targets, connections to which stay. 1, 16 or 128 clients, each with one request under way; \"once\" is a connection (and a full TLS handshake) for each. TLS 1.3, X25519, AES-128-GCM, ECDSA P-256. %d threads or processes each; no logs. Ratios are the ALB's; more is better (for times and CPU, the other's divided by the ALB's). Medians of %d rounds of %s, taken in turn; in brackets the least and the most.",
		bodySize, cores(), r.Rounds, time.Duration(r.Seconds*float64(time.Second))), width))
	fmt.Fprintf(&b, "\n%-16s", "")
	for _, n := range r.Names {
		fmt.Fprintf(&b, "%10s", n)
	}
	for _, n := range r.Names[1:] {
		fmt.Fprintf(&b, "%17s", "of "+n)
	}
	b.WriteByte('\n')
	for _, l := range r.Rows {
		fmt.Fprintf(&b, "%-16s", l.row.label)
		for _, n := range r.Names {
			b.WriteString(right(absolute(l.Values[n].Median, l.Unit), 10))
		}
		for _, n := range r.Names[1:] {
			s := l.Ratios[n]
			fmt.Fprintf(&b, "%17s", fmt.Sprintf("%s (%s-%s)", short(s.Median), short(s.Least), short(s.Most)))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	for _, v := range r.Verdicts {
		b.WriteString(wrap("  ", v, width))
	}
	b.WriteString(wrap("  ", fmt.Sprintf("The client took %.0f %% of the CPUs at most.", 100*r.Client), width))
	if r.Busy >= .1 {
		b.WriteString(wrap("  ", busyText(r.Busy), width))
	}
	return b.String()
}

// short is a ratio in few characters.
func short(v float64) string {
	if v >= 9.995 {
		return fmt.Sprintf("%.0f", v)
	}
	return number(v)
}
