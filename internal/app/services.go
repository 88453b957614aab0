package app

import (
	"encoding/json"
	"net/http"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/control"
	"github.com/musubi-net/musubi/internal/engine"
)

// serviceRoutes answers what `musubi services` asks.
func (d *daemon) serviceRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/services", func(w http.ResponseWriter, _ *http.Request) { d.answer(w, services(d.engine.Snapshot())) })
	mux.HandleFunc("POST /v1/services", func(w http.ResponseWriter, r *http.Request) {
		var m control.Mapping
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&m); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, err := engine.Do(r.Context(), d.engine, cloud.Caller{Internal: true}, amazon.Map{Service: m.Service, URL: m.URL})
		d.mapped(w, r, err)
	})
	mux.HandleFunc("DELETE /v1/services", func(w http.ResponseWriter, r *http.Request) {
		_, err := engine.Do(r.Context(), d.engine, cloud.Caller{Internal: true}, amazon.Unmap{Service: r.FormValue("service")})
		d.mapped(w, r, err)
	})
}

// mapped answers once a change of the mappings has had its effect.
func (d *daemon) mapped(w http.ResponseWriter, r *http.Request, err error) {
	if in := d.inside.Load(); err == nil && in != nil {
		err = in.sync(r.Context())
	}
	if err == nil {
		d.answer(w, services(d.engine.Snapshot()))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	if err := json.NewEncoder(w).Encode(control.Refusal{Reason: control.ReasonOther, Message: err.Error()}); err != nil {
		d.log.Debug("control: answer", "error", err)
	}
}

// services lists AWS's services: those that are served here, and those that may be
// mapped.
func services(r cloud.Reader) []control.Service {
	out := []control.Service{}
	for _, list := range [][]amazon.Service{amazon.Services(), amazon.Others()} {
		for _, s := range list {
			row := control.Service{Name: s.Name, Musubi: s.Served, Endpoints: []string{}}
			if m, ok := amazon.Mappings.Get(r, s.Name); ok {
				row.URL = m.URL
			}
			if s.Endpoint {
				row.Endpoints = append(row.Endpoints, privatelink.TypeInterface)
			}
			if s.Gateway {
				row.Endpoints = append(row.Endpoints, privatelink.TypeGateway)
			}
			out = append(out, row)
		}
	}
	return out
}
