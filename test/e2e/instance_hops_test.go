package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/ipv4"
)

const metadataService = "169.254.169.254"

// peerHops asks the metadata service for a token and tells the TTL with which
// the answer arrives.
func peerHops() error {
	c, err := net.ListenPacket("ip4:tcp", "")
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	p := ipv4.NewPacketConn(c)
	if err := errors.Join(p.SetControlMessage(ipv4.FlagTTL, true), p.SetReadDeadline(time.Now().Add(5*time.Second))); err != nil {
		return err
	}
	asked := make(chan error, 1)
	go func() { asked <- askToken() }()
	for b := make([]byte, 4096); ; {
		n, control, from, err := p.ReadFrom(b)
		if err != nil {
			return errors.Join(err, <-asked)
		}
		if from.String() != metadataService || n < 20 || control == nil {
			continue
		}
		if head := int(b[12]>>4) * 4; head < n && bytes.HasPrefix(b[head:n], []byte("HTTP/")) {
			fmt.Println(control.TTL)
			return <-asked
		}
	}
}

func askToken() error {
	req, err := http.NewRequest(http.MethodPut, "http://"+metadataService+"/latest/api/token", nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-aws-ec2-metadata-token-ttl-seconds", "60")
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return errors.Join(err, res.Body.Close())
}

// hops is the TTL of the metadata service's answers.
func (w *world) hops(id string) string {
	w.t.Helper()
	out, _ := w.exec(id, "/usr/local/bin/peer hops now")
	return strings.TrimSpace(out)
}

// meta asks the metadata service for something, with a token.
func (w *world) meta(id, path string) string {
	out, _ := w.exec(id, "curl -s -f -m 3 -H \"X-aws-ec2-metadata-token: $("+token+")\" http://"+metadataService+"/latest/meta-data/"+path)
	return strings.TrimSpace(out)
}
