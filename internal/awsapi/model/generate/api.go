package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// The models come from this module at this version. It is no dependency of
// Musubi: only its files are read, and only here.
const (
	modelModule = "github.com/aws/aws-sdk-go@v1.55.8"
	modelSum    = "h1:JRmEUbU52aJQZ2AjX4q4Wu7t4uZjOu71uyNmaWlUkJQ="
)

// modelDir returns the directory of the API models, which the go command
// downloads if need be.
func modelDir() (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", modelModule)
	out, err := cmd.Output()
	var m struct{ Dir, Sum, Error string }
	if jerr := json.Unmarshal(out, &m); jerr != nil {
		return "", fmt.Errorf("download %s: %w", modelModule, errors.Join(err, jerr))
	}
	if err != nil || m.Error != "" {
		return "", fmt.Errorf("download %s: %s (%w)", modelModule, m.Error, err)
	}
	if m.Sum != modelSum {
		return "", fmt.Errorf("%s has sum %s, want %s", modelModule, m.Sum, modelSum)
	}
	return filepath.Join(m.Dir, "models", "apis"), nil
}

// api is an api-2.json file, or an overlay in the same format.
type api struct {
	Metadata struct {
		APIVersion   string
		Protocol     string
		XMLNamespace string
		TargetPrefix string
	}
	Operations map[string]*operation
	Shapes     map[string]*shape
	// Names (overlay only) lists newer operations of which only the name is known.
	Names []string
}

type operation struct {
	Name string
	HTTP struct {
		Method       string
		RequestURI   string
		ResponseCode int
	}
	Input, Output *ref
}

type shape struct {
	Type     string
	Members  map[string]*ref
	Required []string
	Payload  string

	Member, Key, Value *ref
	Flattened          bool
	LocationName       string

	Enum     []string
	Pattern  string
	Min, Max *float64

	TimestampFormat string

	Exception bool
	Error     *struct {
		Code           string
		HTTPStatusCode int
	}
}

type ref struct {
	Shape           string
	LocationName    string
	QueryName       string
	Location        string
	Flattened       bool
	TimestampFormat string
	XMLNamespace    *struct{ URI string }
	ResultWrapper   string
	// Unserved (overlay only) marks a newer parameter that is refused by name.
	Unserved bool
}

// loadAPI reads a service's model and merges its overlay, if there is one.
func loadAPI(model, overlay string) (*api, error) {
	a, err := readAPI(model)
	if err != nil {
		return nil, err
	}
	o, err := readAPI(overlay)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, err
	}
	a.merge(o)
	return a, nil
}

func readAPI(path string) (*api, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	a := new(api)
	if err := json.Unmarshal(data, a); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// merge adds what the overlay has: operations replace those of their name,
// members join the shape's others.
func (a *api) merge(o *api) {
	for name, op := range o.Operations {
		a.Operations[name] = op
	}
	a.Names = o.Names
	for name, s := range o.Shapes {
		old := a.Shapes[name]
		if old == nil {
			a.Shapes[name] = s
			continue
		}
		for m, r := range s.Members {
			old.Members[m] = r
		}
		for _, e := range s.Enum {
			if !slices.Contains(old.Enum, e) {
				old.Enum = append(old.Enum, e)
			}
		}
	}
}

// resolve returns the shape that a reference means.
func (a *api) resolve(r *ref) (*shape, error) {
	s := a.Shapes[r.Shape]
	if s == nil {
		return nil, fmt.Errorf("unknown shape %q", r.Shape)
	}
	return s, nil
}
