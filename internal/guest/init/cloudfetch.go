package guestinit

import (
	"context"
	"crypto/md5" //nolint:gosec // names of files, as cloud-init makes them
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/musubi-net/musubi/internal/guest/cloudinit"
)

const (
	fetchTimeout = 5 * time.Second
	fetchRetries = 10
	// maxFetch bounds what an include may be.
	maxFetch = 8 << 20

	metadata        = "http://169.254.169.254/latest/"
	metadataTimeout = time.Second
	metadataTries   = 3
)

// fetcher reads what user data includes, through the instance's own network.
func (c *cloudInit) fetcher(ctx context.Context) cloudinit.Fetch {
	return func(address string, once bool) ([]byte, error) {
		sum := md5.Sum([]byte(address)) //nolint:gosec // as above
		kept := instanceDir + "/data/urlcache/" + hex.EncodeToString(sum[:])
		if once {
			if content, err := os.ReadFile(kept); err == nil {
				return content, nil
			}
		}
		content, err := c.fetch(ctx, address)
		if err == nil && once {
			err = os.WriteFile(kept, content, 0o600)
		}
		return content, err
	}
}

// fetch asks again while there is no connection, and takes an answer for one.
func (c *cloudInit) fetch(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "file" {
		return os.ReadFile(u.Path)
	}
	for try := 1; ; try++ {
		content, code, err := get(ctx, http.MethodGet, address, nil, fetchTimeout)
		switch {
		case err == nil && code == http.StatusOK:
			return content, nil
		case err == nil && code < 500:
			return nil, fmt.Errorf("a invalid http code of %d", code)
		case err == nil:
			err = fmt.Errorf("a invalid http code of %d", code)
		}
		c.debug("url_helper.py", "Please wait 1 seconds while we wait to try again: %s: %v", address, err)
		if try > fetchRetries || !pause(ctx, time.Second) {
			return nil, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// get asks once.
func get(ctx context.Context, method, address string, header map[string]string, limit time.Duration) ([]byte, int, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("User-Agent", "Cloud-Init/"+cloudinit.Version)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxFetch+1))
	if err == nil && len(content) > maxFetch {
		err = fmt.Errorf("%s is larger than %d bytes", address, maxFetch)
	}
	return content, resp.StatusCode, err
}

// metadataKeys asks the metadata service for the public half of the instance's
// key pair.
func (c *cloudInit) metadataKeys(ctx context.Context) []string {
	ttl := map[string]string{"X-aws-ec2-metadata-token-ttl-seconds": "60"}
	var token []byte
	for try := 1; ; try++ {
		var code int
		var err error
		token, code, err = get(ctx, http.MethodPut, metadata+"api/token", ttl, metadataTimeout)
		if err == nil && code == http.StatusOK {
			break
		}
		c.debug("DataSourceEc2.py", "no token of the metadata service: %d %v", code, err)
		if err == nil || errors.Is(err, syscall.ENETUNREACH) || try >= metadataTries || !pause(ctx, metadataTimeout) {
			return nil
		}
	}
	header := map[string]string{"X-aws-ec2-metadata-token": string(token)}
	ask := func(path string) string {
		text, code, err := get(ctx, http.MethodGet, metadata+path, header, metadataTimeout)
		if err != nil || code != http.StatusOK {
			return ""
		}
		return strings.TrimSpace(string(text))
	}
	var keys []string
	for line := range strings.Lines(ask("meta-data/public-keys/")) {
		number, _, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			continue
		}
		for key := range strings.Lines(ask("meta-data/public-keys/" + number + "/openssh-key")) {
			if key = strings.TrimSpace(key); key != "" {
				keys = append(keys, key)
			}
		}
	}
	return keys
}
