package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// musubi is the Musubi that is measured.
type musubi struct {
	binary, dir, api string
	pid              int // the supervisor's
}

// up starts one.
func up(ctx context.Context, binary string) (*musubi, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "musubi-bench-")
	if err != nil {
		return nil, err
	}
	m := &musubi{binary: binary, dir: dir}
	var status struct {
		API     string
		Process struct{ Supervisor int }
	}
	_, err = m.command(ctx, "up", "--detach", "--listen", "127.0.0.1:0")
	if err == nil {
		var text string
		if text, err = m.command(ctx, "status", "--json"); err == nil {
			err = json.Unmarshal([]byte(text), &status)
		}
	}
	if err != nil {
		return nil, errors.Join(err, m.down())
	}
	m.api, m.pid = status.API, status.Process.Supervisor
	return m, nil
}

func (m *musubi) down() error {
	_, err := m.command(context.Background(), "down", "--purge")
	return errors.Join(err, os.RemoveAll(m.dir))
}

func (m *musubi) command(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, m.binary, args...)
	c.Env = append(os.Environ(), "MUSUBI_DIR="+filepath.Join(m.dir, "state"))
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("musubi %s: %w\n%s", args[0], err, out)
	}
	return string(out), nil
}

const version = "2016-11-15"

// ec2 calls an operation of EC2.
func (m *musubi) ec2(ctx context.Context, action string, params ...string) (string, error) {
	form := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i+1 < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.api, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("X-Amz-Date", time.Now().UTC().Format("20060102T150405Z"))
	// An account id is a key here, and its signature is not asked about.
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=000000000000/"+time.Now().UTC().Format("20060102")+
		"/us-east-1/ec2/aws4_request, SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("0", 64))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", action, body)
	}
	return string(body), err
}

// ids finds all ids with a prefix in an answer, each once.
func ids(text, prefix string) []string {
	var out []string
	seen := map[string]bool{}
	for _, id := range regexp.MustCompile(`\b`+prefix+`-[0-9a-f]{17}\b`).FindAllString(text, -1) {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// network makes a VPC with one subnet and returns the subnet.
func (m *musubi) network(ctx context.Context) (string, error) {
	text, err := m.ec2(ctx, "CreateVpc", "CidrBlock", "10.0.0.0/16")
	if err != nil {
		return "", err
	}
	text, err = m.ec2(ctx, "CreateSubnet", "VpcId", ids(text, "vpc")[0], "CidrBlock", "10.0.0.0/20")
	if err != nil {
		return "", err
	}
	return ids(text, "subnet")[0], nil
}

// image is an Amazon Linux.
func (m *musubi) image(ctx context.Context) (string, error) {
	text, err := m.ec2(ctx, "DescribeImages", "Owner.1", "amazon", "Filter.1.Name", "name", "Filter.1.Value.1", "al2023-ami-2023*-kernel-6.1-x86_64")
	if err != nil {
		return "", err
	}
	found := ids(text, "ami")
	if len(found) == 0 {
		return "", errors.New("no image")
	}
	return found[0], nil
}
