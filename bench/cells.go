package main

import "time"

// Paths, in the table's order.
const (
	plain       = "plain"
	privateLink = "PrivateLink"
	haproxy     = "HAProxy"
	nginx       = "nginx"
)

// What a client does.
const (
	doRequests    = "requests"    // 64 bytes there and back, over connections that stay
	doConnections = "connections" // connect, one request, close
	doStreams     = "streams"     // as much as goes, one way
)

// outcome is what a client measured.
type outcome struct {
	Operations int     `json:"operations"`
	Seconds    float64 `json:"seconds"`
	P50        float64 `json:"p50"` // microseconds
	P99        float64 `json:"p99"`
	Bytes      float64 `json:"bytes"`
	CPU        float64 `json:"cpu"` // seconds, of the whole machine
	// All is what was done with what came before the measurement; Client and Proxy
	// are the seconds of CPU that they took for it, Whole how long it took.
	All    int     `json:"all,omitempty"`
	Client float64 `json:"client,omitempty"`
	Proxy  float64 `json:"proxy,omitempty"`
	Whole  float64 `json:"whole,omitempty"`
}

// cell is one measurement of one path.
type cell struct {
	name, do string
	count    int // connections
	rows     []row
}

// row is a line of the table.
type row struct {
	key, label, unit string
	// less: the less of it, the better.
	less  bool
	value func(outcome) float64
}

func perSecond(o outcome) float64 { return float64(o.Operations) / o.Seconds }
func p50(o outcome) float64       { return o.P50 }
func p99(o outcome) float64       { return o.P99 }
func gigabits(o outcome) float64  { return o.Bytes * 8 / 1e9 / o.Seconds }
func cpuPerGB(o outcome) float64  { return o.CPU / (o.Bytes / 1e9) }

func cells() []cell {
	return []cell{
		{"requests over 1 connection", doRequests, 1, []row{
			{"requests_1", "req/s, 1 conn", "/s", false, perSecond},
			{"requests_1_p50", "  p50", "µs", true, p50},
			{"requests_1_p99", "  p99", "µs", true, p99},
		}},
		{"requests over 16 connections", doRequests, 16, []row{
			{"requests_16", "req/s, 16 conns", "/s", false, perSecond},
			{"requests_16_p50", "  p50", "µs", true, p50},
			{"requests_16_p99", "  p99", "µs", true, p99},
		}},
		{"new connections", doConnections, 16, []row{
			{"connections", "new conns/s", "/s", false, perSecond},
		}},
		{"one stream", doStreams, 1, []row{
			{"stream_1", "1 stream", "Gb/s", false, gigabits},
			{"stream_1_cpu", "  CPU s/GB", "s", true, cpuPerGB},
		}},
		{"eight streams", doStreams, 8, []row{
			{"stream_8", "8 streams", "Gb/s", false, gigabits},
			{"stream_8_cpu", "  CPU s/GB", "s", true, cpuPerGB},
		}},
	}
}

// warm is how long a client works before it measures.
const warm = 150 * time.Millisecond
