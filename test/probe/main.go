// Command probe is what the end-to-end tests of application load balancers run in
// instances: a target that says what it saw and behaves as it is asked to, and the
// clients that curl is not. It imports nothing of Musubi.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `probe serve NAME       serve on 80 (HTTP), 81 (HTTP/2 in clear text), 82 (gRPC),
                       443 (HTTPS), 9000 (what was seen)
probe raw              send the bytes of the JSON list on standard input, and say
                       what came back
probe grpc HOST:PORT CASE…    run cases of gRPC's interoperability suite
probe websocket URL    echo messages by WebSocket
probe keep URL         a request for each line on standard input, on one connection`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch command, rest := args[0], args[1:]; {
	case command == "serve" && len(rest) == 1:
		return serve(ctx, rest[0])
	case command == "raw" && len(rest) == 0:
		return raw(ctx)
	case command == "grpc" && len(rest) >= 2:
		return call(ctx, rest[0], rest[1:])
	case command == "websocket" && len(rest) == 1:
		return echo(ctx, rest[0])
	case command == "keep" && len(rest) == 1:
		return keep(ctx, rest[0])
	}
	return errors.New(usage)
}

// show prints a value as one line of JSON.
func show(v any) error {
	return json.NewEncoder(os.Stdout).Encode(v)
}
