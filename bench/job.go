package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"
)

// jobVar tells a process of the bench what to do in the namespace that it was
// started in.
const jobVar = "MUSUBI_BENCH_JOB"

// Ports of the servers.
const (
	echoPort = 7000
	sinkPort = 7001
)

// stuck is how long nothing may happen.
const stuck = 5 * time.Second

// job is a client's, or with Serve or Work a server's.
type job struct {
	Serve   bool          `json:"serve,omitempty"`
	Do      string        `json:"do,omitempty"`
	Address netip.Addr    `json:"address"`
	Count   int           `json:"count,omitempty"`
	Warm    time.Duration `json:"warm,omitempty"`
	Time    time.Duration `json:"time,omitempty"`
	// For doWeb: the port, and the cell's.
	Port   uint16 `json:"port,omitempty"`
	Secure bool   `json:"secure,omitempty"`
	Once   bool   `json:"once,omitempty"`
	// Work is another server's.
	Work *serverWork `json:"work,omitempty"`
}

// work does a job and returns the exit code.
func work(text string) int {
	err := perform(text, os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func perform(text string, in io.Reader, out io.Writer) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	if j.Serve {
		return serve(j.Address, in, out)
	}
	if j.Work != nil {
		return j.Work.run(j.Address, in, out)
	}
	do := map[string]func(job) (outcome, error){doRequests: requests, doConnections: connections, doStreams: streams, doWeb: web}[j.Do]
	if do == nil {
		return fmt.Errorf("no such job: %q", j.Do)
	}
	o, err := do(j)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(o)
}
