package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestUpToDate regenerates everything in memory and compares it with what is
// in the tree.
func TestUpToDate(t *testing.T) {
	models, err := modelDir()
	if err != nil {
		t.Skipf("the API models can not be downloaded here: %v", err)
	}
	for _, target := range targets() {
		files, err := generate(models, "..", target)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := filepath.Glob(filepath.Join("..", target.pkg, "*_gen.go"))
		if err != nil {
			t.Fatal(err)
		}
		if len(tree) != len(files) {
			t.Errorf("%s: %d files in the tree, %d generated: run go generate ./internal/awsapi/model", target.pkg, len(tree), len(files))
		}
		for name, want := range files {
			got, err := os.ReadFile(filepath.Join("..", target.pkg, name))
			if err != nil || string(got) != string(want) {
				t.Errorf("%s/%s is out of date: run go generate ./internal/awsapi/model (%v)", target.pkg, name, err)
			}
		}
	}
}
