package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// call runs cases of gRPC's own interoperability suite. The suite ends the
// program where one fails.
func call(ctx context.Context, address string, cases []string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient("dns:///"+address, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{ServerName: host})))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	client := testpb.NewTestServiceClient(conn)
	known := map[string]func(context.Context, testpb.TestServiceClient, ...grpc.CallOption){
		"empty_unary": interop.DoEmptyUnaryCall, "large_unary": interop.DoLargeUnaryCall,
		"client_streaming": interop.DoClientStreaming, "server_streaming": interop.DoServerStreaming,
		"ping_pong": interop.DoPingPong, "empty_stream": interop.DoEmptyStream,
		"timeout_on_sleeping_server": interop.DoTimeoutOnSleepingServer,
		"cancel_after_begin":         interop.DoCancelAfterBegin, "cancel_after_first_response": interop.DoCancelAfterFirstResponse,
		"custom_metadata": interop.DoCustomMetadata, "status_code_and_message": interop.DoStatusCodeAndMessage,
		"special_status_message": interop.DoSpecialStatusMessage,
	}
	for _, name := range cases {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		switch f := known[name]; {
		case f != nil:
			f(ctx, client)
		case name == "unimplemented_method":
			interop.DoUnimplementedMethod(ctx, conn)
		default:
			cancel()
			return fmt.Errorf("no case %q", name)
		}
		cancel()
		fmt.Println("ok", name)
	}
	return nil
}

// echo sends messages of several sizes by WebSocket and expects them back, then
// one after a pause.
func echo(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	c, res, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{"echo"}})
	if err != nil {
		return err
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(1 << 21)
	if res.StatusCode != http.StatusSwitchingProtocols || c.Subprotocol() != "echo" {
		return fmt.Errorf("%s, protocol %q", res.Status, c.Subprotocol())
	}
	for _, size := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
		message := bytes.Repeat([]byte("m"), size)
		if err := c.Write(ctx, websocket.MessageBinary, message); err != nil {
			return err
		}
		kind, back, err := c.Read(ctx)
		if err != nil {
			return err
		}
		if kind != websocket.MessageBinary || !bytes.Equal(back, message) {
			return fmt.Errorf("%d bytes came back of %d", len(back), size)
		}
	}
	// Pings are messages of their own; somebody has to read for the answer.
	ctx = c.CloseRead(ctx)
	if err := c.Ping(ctx); err != nil {
		return err
	}
	if err := c.Close(websocket.StatusNormalClosure, "done"); err != nil {
		return err
	}
	fmt.Println("ok")
	return nil
}

// kept is an answer to a request on a connection that is kept.
type kept struct {
	Status int
	Reused bool
	Serial string // of the server's certificate
	Error  string
}

// keep sends a request for each line on standard input, and prints the answer.
func keep(ctx context.Context, url string) error {
	client := http.Client{Timeout: 10 * time.Second}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var k kept
		trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { k.Reused = i.Reused }}
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			k.Error = err.Error()
		} else {
			k.Status = res.StatusCode
			if res.TLS != nil {
				k.Serial = fmt.Sprintf("%x", res.TLS.PeerCertificates[0].SerialNumber)
			}
			_, err = io.Copy(io.Discard, res.Body)
			if err = errors.Join(err, res.Body.Close()); err != nil {
				k.Error = err.Error()
			}
		}
		if err := show(k); err != nil {
			return err
		}
	}
	return lines.Err()
}

// word says in one word how a connection ended.
func word(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, io.EOF):
		return "closed"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "open"
	case strings.Contains(err.Error(), "reset by peer"), strings.Contains(err.Error(), "broken pipe"):
		return "reset"
	}
	return err.Error()
}
