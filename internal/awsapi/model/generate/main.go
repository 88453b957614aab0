// Command generate writes the packages below internal/awsapi/model from AWS's
// API models. Run it with go generate ./internal/awsapi/model.
//
// It may import nothing of the project.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", ".", "the model package's directory")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// run regenerates all packages below dir.
func run(dir string) error {
	models, err := modelDir()
	if err != nil {
		return err
	}
	for _, t := range targets() {
		files, err := generate(models, dir, t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.pkg, err)
		}
		if err := writeFiles(filepath.Join(dir, t.pkg), files); err != nil {
			return err
		}
	}
	return nil
}

// target is a package to generate.
type target struct {
	pkg  string // package and directory name; served lists start with it
	path string // below models/apis
	name string // signing name
}

func targets() []target {
	return []target{
		{pkg: "ec2", path: "ec2/2016-11-15", name: "ec2"},
		{pkg: "elbv2", path: "elasticloadbalancingv2/2015-12-01", name: "elasticloadbalancing"},
		{pkg: "route53", path: "route53/2013-04-01", name: "route53"},
		{pkg: "iam", path: "iam/2010-05-08", name: "iam"},
		{pkg: "sts", path: "sts/2011-06-15", name: "sts"},
		{pkg: "sns", path: "sns/2010-03-31", name: "sns"},
		{pkg: "acm", path: "acm/2015-12-08", name: "acm"},
		{pkg: "ssm", path: "ssm/2014-11-06", name: "ssm"},
	}
}

// writeFiles makes files the only generated ones in dir. A file that is right
// already is left alone, and each is replaced in one step, so that a build that
// runs meanwhile sees whole files.
func writeFiles(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, data := range files {
		path := filepath.Join(dir, name)
		if old, err := os.ReadFile(path); err == nil && string(old) == string(data) {
			continue
		}
		tmp := fmt.Sprintf("%s.%d.tmp", path, os.Getpid())
		if err := os.WriteFile(tmp, data, 0o644); err != nil {
			return err
		}
		if err := os.Rename(tmp, path); err != nil {
			return err
		}
	}
	stale, err := filepath.Glob(filepath.Join(dir, "*_gen.go"))
	if err != nil {
		return err
	}
	for _, path := range stale {
		if _, keep := files[filepath.Base(path)]; !keep {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}
