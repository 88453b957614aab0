package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// selection is what a served list says of one operation.
type selection struct {
	only   []string // member names; nil means all
	except []string // member names or dotted paths
}

// readServed reads the served lists of a package: every file <pkg>*.txt.
func readServed(dir, pkg string) (map[string]selection, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "served", pkg+"*.txt"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no served list")
	}
	served := map[string]selection{}
	for _, path := range paths {
		if err := readServedFile(path, served); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return served, nil
}

func readServedFile(path string, served map[string]selection) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		if _, twice := served[words[0]]; twice {
			return fmt.Errorf("%s is listed twice", words[0])
		}
		var s selection
		for _, w := range words[1:] {
			switch w[0] {
			case '-':
				s.except = append(s.except, w[1:])
			case '+':
				s.only = append(s.only, w[1:])
			default:
				return fmt.Errorf("%s: %q is neither +Member nor -Member", words[0], w)
			}
		}
		served[words[0]] = s
	}
	return lines.Err()
}

// names lists the members that the selection names, to find misspelt ones.
func (s selection) names() []string { return slices.Concat(s.only, s.except) }

// serves reports whether a top-level member is in the selection.
func (s selection) serves(member string, r *ref) bool {
	if slices.Contains(s.except, member) {
		return false
	}
	if member == "DryRun" {
		return true
	}
	if s.only != nil {
		return slices.Contains(s.only, member)
	}
	return !r.Unserved
}
