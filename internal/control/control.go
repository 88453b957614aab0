// Package control is what `musubi status` and its siblings say to a running
// daemon: JSON over HTTP on the unix socket DIR/daemon.sock, which only the
// user who started Musubi can open.
//
// It may import nothing of the project; app serves it, cli calls it.
package control

import "time"

// Status is the answer to GET /v1/status.
type Status struct {
	Version string    `json:"version"`
	API     string    `json:"api"` // http://127.0.0.1:4566
	Started time.Time `json:"started"`
	// Ready is false until the world was built for the first time.
	Ready bool `json:"ready"`
	// Resources counts what exists by kind.
	Resources map[string]int `json:"resources"`
	// Unserved counts the requests for operations that Musubi does not serve.
	Unserved map[string]int `json:"unserved"`
	World    World          `json:"world"`
	// Internet is what the world's internet leads to: host (this machine's
	// network) or closed.
	Internet string `json:"internet"`
	// Agents counts the agents of Systems Manager that are connected, Sessions the
	// sessions of Session Manager that have not ended.
	Agents   int `json:"agents"`
	Sessions int `json:"sessions"`
	// Process is filled in by the client: the supervisor tells.
	Process Process `json:"process"`
}

// Process are the process ids of a running Musubi, as the host sees them.
type Process struct {
	Supervisor int `json:"supervisor"`
	Daemon     int `json:"daemon"` // 0 while it is down
	Restarts   int `json:"restarts"`
	// Limits tell how instances are bounded: by control groups, or why not.
	Limits string `json:"limits"`
}

// World is the state of the reconciler.
type World struct {
	VPCs      int       `json:"vpcs"`
	Guests    int       `json:"guests"`
	Applied   uint64    `json:"applied"`
	Errors    uint64    `json:"errors"`
	LastError string    `json:"last_error,omitempty"`
	ErrorAt   time.Time `json:"error_at,omitzero"`
	// Failing has the units that are not as they should be, and why.
	Failing map[string]string `json:"failing,omitempty"`
	// PortErrors counts by VPC the packets that were dropped because a NAT gateway, an
	// endpoint or a load balancer had no port left for their destination.
	PortErrors map[string]uint64 `json:"port_errors,omitempty"`
}

// Instance is one row of GET /v1/instances.
type Instance struct {
	ID        string `json:"id"`
	Name      string `json:"name,omitempty"`
	State     string `json:"state"`
	Account   string `json:"account"`
	Region    string `json:"region"`
	VPC       string `json:"vpc"`
	PrivateIP string `json:"private_ip,omitempty"`
}
