package app

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/control"
)

// controlHandler answers on the control socket.
func (d *daemon) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) { d.answer(w, d.status(r.Context())) })
	mux.HandleFunc("GET /v1/instances", func(w http.ResponseWriter, _ *http.Request) { d.answer(w, instances(d.engine.Snapshot())) })
	mux.HandleFunc("GET /v1/console", func(w http.ResponseWriter, r *http.Request) {
		out, err := d.guests.Console(r.Context(), r.FormValue("instance"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		if _, err := w.Write(out); err != nil {
			d.log.Debug("control: console", "error", err)
		}
	})
	d.notificationRoutes(mux)
	d.visitRoutes(mux)
	d.serviceRoutes(mux)
	d.imageRoutes(mux)
	return mux
}

func (d *daemon) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		d.log.Debug("control: answer", "error", err)
	}
}

func (d *daemon) status(ctx context.Context) control.Status {
	n := d.sessions.hub.Counts()
	return control.Status{
		Version:   d.options.Version,
		API:       d.api,
		Started:   d.started,
		Ready:     d.ready(),
		Resources: resources(d.engine.Snapshot()),
		Unserved:  d.front.Unserved(),
		World:     d.world(ctx),
		Internet:  d.internet(),
		Agents:    n.Agents,
		Sessions:  n.Sessions,
	}
}

// resources counts what users made. It walks over everything: it is asked by a
// person, not by a request.
func resources(r cloud.Reader) map[string]int {
	n := map[string]int{}
	count(n, "vpc", r, vpc.VPCs)
	count(n, "subnet", r, vpc.Subnets)
	count(n, "route table", r, vpc.RouteTables)
	count(n, "internet gateway", r, vpc.InternetGateways)
	count(n, "NAT gateway", r, vpc.NATGateways)
	count(n, "security group", r, vpc.SecurityGroups)
	count(n, "network interface", r, vpc.NetworkInterfaces)
	count(n, "load balancer", r, elb.LoadBalancers)
	count(n, "target group", r, elb.TargetGroups)
	count(n, "endpoint service", r, privatelink.Services)
	count(n, "VPC endpoint", r, privatelink.Endpoints)
	count(n, "hosted zone", r, dns.Zones)
	count(n, "role", r, iam.Roles)
	for a := range vpc.Addresses.All(r) {
		if !a.Amazon {
			n["elastic IP"]++
		}
	}
	for i := range compute.Instances.All(r) {
		if i.State != compute.Terminated {
			n["instance"]++
		}
	}
	return n
}

func count[T any](n map[string]int, name string, r cloud.Reader, t *cloud.Table[T]) {
	for range t.All(r) {
		n[name]++
	}
}

// instances lists the instances of all accounts, by name and id.
func instances(r cloud.Reader) []control.Instance {
	list := []control.Instance{}
	for i := range compute.Instances.All(r) {
		row := control.Instance{ID: i.ID, Name: i.Tags["Name"], State: string(i.State), Account: i.Account, Region: i.Region, VPC: i.VPCID}
		for n := range vpc.NetworkInterfaces.By(r, "instance", i.ID) {
			if n.Attachment.DeviceIndex == 0 && len(n.PrivateIPs) > 0 {
				row.PrivateIP = n.PrivateIPs[0].String()
			}
		}
		list = append(list, row)
	}
	slices.SortFunc(list, func(a, b control.Instance) int {
		return strings.Compare(a.Name+"\x00"+a.ID, b.Name+"\x00"+b.ID)
	})
	return list
}
