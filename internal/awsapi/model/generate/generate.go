package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// The two directions in which a shape may travel.
const (
	inRequest = 1 << iota
	inResponse
)

// generator holds what is known while one package is generated.
type generator struct {
	target
	api    *api
	served map[string]selection
	sides  map[string]int // structure name -> directions
	// inputs maps an input shape to the operations that use it.
	inputs map[string][]string
	// empty lists the structures made up for operations without input or output.
	empty []string
}

// generate returns the files of a package by name.
func generate(models, dir string, t target) (map[string][]byte, error) {
	a, err := loadAPI(filepath.Join(models, t.path, "api-2.json"), filepath.Join(dir, "overlay", t.pkg+".json"))
	if err != nil {
		return nil, err
	}
	served, err := readServed(dir, t.pkg)
	if err != nil {
		return nil, err
	}
	g := &generator{target: t, api: a, served: served, sides: map[string]int{}, inputs: map[string][]string{}}
	if err := g.reach(); err != nil {
		return nil, err
	}
	return g.files()
}

// names returns the served operations in order.
func (g *generator) names() []string { return slices.Sorted(maps.Keys(g.served)) }

// reach finds the structures that the served operations need.
func (g *generator) reach() error {
	for _, name := range g.names() {
		op := g.api.Operations[name]
		if op == nil {
			return fmt.Errorf("operation %s is in no model", name)
		}
		if op.Input != nil {
			g.inputs[op.Input.Shape] = append(g.inputs[op.Input.Shape], name)
		}
	}
	for _, name := range g.names() {
		op := g.api.Operations[name]
		if op.Input == nil {
			g.empty = append(g.empty, name+"Request")
		} else if err := g.reachInput(name, op.Input); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if op.Output == nil {
			g.empty = append(g.empty, g.outputName(name))
		} else if err := g.walk(op.Output, inResponse); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (g *generator) reachInput(op string, r *ref) error {
	s, err := g.api.resolve(r)
	if err != nil {
		return err
	}
	for _, m := range g.served[op].names() {
		top, _, _ := strings.Cut(m, ".")
		if s.Members[top] == nil {
			return fmt.Errorf("%s has no member %s", r.Shape, top)
		}
	}
	g.sides[r.Shape] |= inRequest
	for name, m := range s.Members {
		if g.inputField(r.Shape, name, m) {
			if err := g.walk(m, inRequest); err != nil {
				return err
			}
		}
	}
	return nil
}

// inputField reports whether a member of an operation's input becomes a field:
// if any of the operations that share the input serves it.
func (g *generator) inputField(shape, member string, r *ref) bool {
	for _, op := range g.inputs[shape] {
		if g.served[op].serves(member, r) {
			return true
		}
	}
	return false
}

func (g *generator) walk(r *ref, side int) error {
	s, err := g.api.resolve(r)
	if err != nil {
		return err
	}
	switch s.Type {
	case "list":
		return g.walk(s.Member, side)
	case "structure":
		if g.sides[r.Shape]&side != 0 {
			return nil
		}
		g.sides[r.Shape] |= side
		for _, m := range s.Members {
			if m.Unserved && side == inRequest {
				continue
			}
			if err := g.walk(m, side); err != nil {
				return err
			}
		}
	}
	return nil
}

// outputName is the name of the output of an operation that has none.
func (g *generator) outputName(op string) string {
	if g.pkg == "ec2" {
		return op + "Result"
	}
	return op + "Response"
}

// unserved lists an operation's refused parameters as wire paths.
func (g *generator) unserved(op string) ([]string, error) {
	r := g.api.Operations[op].Input
	if r == nil {
		return nil, nil
	}
	s, err := g.api.resolve(r)
	if err != nil {
		return nil, err
	}
	var paths []string
	sel := g.served[op]
	for name, m := range s.Members {
		if !sel.serves(name, m) {
			paths = append(paths, g.wireIn(name, m))
			continue
		}
		if err := g.newer(m, g.wireIn(name, m), map[string]bool{}, &paths); err != nil {
			return nil, err
		}
	}
	for _, x := range sel.except {
		if strings.Contains(x, ".") {
			p, err := g.wirePath(r, strings.Split(x, "."))
			if err != nil {
				return nil, err
			}
			paths = append(paths, p)
		}
	}
	sort.Strings(paths)
	return slices.Compact(paths), nil
}

// newer collects the members that the overlay marks as unserved below a member.
func (g *generator) newer(r *ref, path string, seen map[string]bool, paths *[]string) error {
	s, err := g.api.resolve(r)
	if err != nil {
		return err
	}
	if s.Type == "list" {
		return g.newer(s.Member, path, seen, paths)
	}
	if s.Type != "structure" || seen[r.Shape] {
		return nil
	}
	seen[r.Shape] = true
	defer delete(seen, r.Shape)
	for name, m := range s.Members {
		p := path + "." + g.wireIn(name, m)
		if m.Unserved {
			*paths = append(*paths, p)
		} else if err := g.newer(m, p, seen, paths); err != nil {
			return err
		}
	}
	return nil
}

// wirePath translates a dotted path of member names.
func (g *generator) wirePath(r *ref, names []string) (string, error) {
	var wire []string
	for _, name := range names {
		s, err := g.api.resolve(r)
		for err == nil && s.Type == "list" {
			r = s.Member
			s, err = g.api.resolve(r)
		}
		if err != nil {
			return "", err
		}
		m := s.Members[name]
		if m == nil {
			return "", fmt.Errorf("%s has no member %s", r.Shape, name)
		}
		wire = append(wire, g.wireIn(name, m))
		r = m
	}
	return strings.Join(wire, "."), nil
}
