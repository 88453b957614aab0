package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// fixed are outcomes in which PrivateLink has the given share of plain's speed
// and HAProxy half.
func fixed(rounds int, shares map[string]float64) measured {
	m := measured{}
	for _, c := range cells() {
		m[c.name] = map[string][]outcome{}
		for path, share := range shares {
			for i := range rounds {
				f := share * (1 + float64(i)/10)
				m[c.name][path] = append(m[c.name][path], outcome{
					Operations: int(50_000 * f), Seconds: 1, P50: 20 / f, P99: 150 / f, Bytes: 2e9 * f, CPU: 1.8,
				})
			}
		}
	}
	return m
}

const wantTable = `                        plain      PrivateLink          HAProxy
req/s, 1 conn        55.0 k/s    .66 (.66-.66)    .50 (.50-.50)
  p50                 18.2 µs    .66 (.66-.66)    .50 (.50-.50)
  p99                  136 µs    .66 (.66-.66)    .50 (.50-.50)
req/s, 16 conns      55.0 k/s    .66 (.66-.66)    .50 (.50-.50)
  p50                 18.2 µs    .66 (.66-.66)    .50 (.50-.50)
  p99                  136 µs    .66 (.66-.66)    .50 (.50-.50)
new conns/s          55.0 k/s    .66 (.66-.66)    .50 (.50-.50)
1 stream            17.6 Gb/s    .66 (.66-.66)    .50 (.50-.50)
  CPU s/GB             0.82 s    .66 (.66-.66)    .50 (.50-.50)
8 streams           17.6 Gb/s    .66 (.66-.66)    .50 (.50-.50)
  CPU s/GB             0.82 s    .66 (.66-.66)    .50 (.50-.50)

PrivateLink is at least .60 of plain everywhere.
PrivateLink is at least 1.3 times HAProxy everywhere.
`

func fixedReport(shares map[string]float64, paths ...string) *report {
	return reportOf(options{rounds: 3, time: time.Second}, paths, fixed(3, shares), 0)
}

func TestTable(t *testing.T) {
	r := fixedReport(map[string]float64{plain: 1, privateLink: .66, haproxy: .5}, plain, privateLink, haproxy)
	_, table, _ := strings.Cut(r.text(), "\n\n")
	if table != wantTable {
		t.Errorf("got:\n%s\nwant:\n%s", table, wantTable)
	}
}

func TestTableFits(t *testing.T) {
	r := fixedReport(map[string]float64{plain: 1, privateLink: 1.5, haproxy: 2.5, nginx: .01}, plain, privateLink, haproxy, nginx)
	r.Busy = .5
	for _, l := range strings.Split(r.text(), "\n") {
		if utf8.RuneCountInString(l) > width {
			t.Errorf("too wide: %q", l)
		}
	}
}

func TestVerdicts(t *testing.T) {
	m := fixed(3, map[string]float64{plain: 1, privateLink: .66, haproxy: .4})
	for i := range m["new connections"][privateLink] {
		m["new connections"][privateLink][i].Operations /= 2
		m["requests over 16 connections"][privateLink][i].P99 *= 2
	}
	r := reportOf(options{rounds: 3}, []string{plain, privateLink, haproxy}, m, 0)
	want := []string{
		"PrivateLink is at least .60 of plain, but not in: req/s, 16 conns p99 .33; new conns/s .33.",
		"PrivateLink is at least 1.3 times HAProxy, but not in: req/s, 16 conns p99 .83; new conns/s .82.",
	}
	for i, w := range want {
		if r.Verdicts[i] != w {
			t.Errorf("got %q, want %q", r.Verdicts[i], w)
		}
	}
	if r = fixedReport(map[string]float64{plain: 1, privateLink: .1}, plain, privateLink); len(r.Verdicts) != 1 || !strings.Contains(r.Verdicts[0], "nowhere: req/s, 1 conn .10;") {
		t.Errorf("without HAProxy: %q", r.Verdicts)
	}
	// What is printed as .60 is .60.
	if r = fixedReport(map[string]float64{plain: 1, privateLink: .598}, plain, privateLink); !strings.Contains(r.Verdicts[0], "everywhere") {
		t.Errorf("rounded: %q", r.Verdicts)
	}
}

func TestReportAsJSON(t *testing.T) {
	b, err := json.Marshal(fixedReport(map[string]float64{plain: 1, privateLink: .66, haproxy: .5}, plain, privateLink, haproxy))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"key":"requests_16_p99"`, `"beside":{"HAProxy":{"median":1.3`, `"rounds":3`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in %s", want, b)
		}
	}
}

func TestAbsolute(t *testing.T) {
	for _, c := range []struct {
		v          float64
		unit, want string
	}{{9267, "/s", "9267 /s"}, {57700, "/s", "57.7 k/s"}, {18.23, "Gb/s", "18.2 Gb/s"}, {.843, "s", "0.84 s"}, {126.4, "µs", "126 µs"}} {
		if got := absolute(c.v, c.unit); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
