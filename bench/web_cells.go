package main

import "fmt"

// alb is the load balancer beside HAProxy and nginx as reverse proxies.
const alb = "ALB"

// doWeb is HTTP requests, one under way on each connection.
const doWeb = "web"

// bodySize is that of the targets' answers.
const bodySize = 128

// webCell is one measurement of one reverse proxy.
type webCell struct {
	name, label string
	secure      bool // HTTPS
	once        bool // each request on a connection of its own
	count       int
}

func webCells() []webCell {
	var out []webCell
	for _, secure := range []bool{false, true} {
		for _, once := range []bool{false, true} {
			for _, count := range []int{1, 16, 128} {
				c := webCell{secure: secure, once: once, count: count}
				c.name, c.label = "http", "HTTP"
				if secure {
					c.name, c.label = "https", "HTTPS"
				}
				if once {
					c.name += "_once"
					c.label += " once"
				}
				c.name = fmt.Sprintf("%s_%d", c.name, count)
				c.label = fmt.Sprintf("%s, %d", c.label, count)
				out = append(out, c)
			}
		}
	}
	return out
}

// webRows are the lines of each cell; the last is no part of the verdict.
func webRows(c webCell) []row {
	return []row{
		{c.name, c.label, "/s", false, perSecond},
		{c.name + "_p50", "  p50", "µs", true, p50},
		{c.name + "_p99", "  p99", "µs", true, p99},
		{c.name + "_cpu", "  CPU/request", "µs", true, cpuPerRequest},
	}
}

// cpuPerRequest is the proxy's.
func cpuPerRequest(o outcome) float64 { return o.Proxy * 1e6 / float64(max(o.All, 1)) }
