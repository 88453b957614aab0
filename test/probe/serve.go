package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// serve is a target of a load balancer.
func serve(ctx context.Context, name string) error {
	var seen record
	t := &target{name: name, seen: &seen}
	plain := &http.Server{Handler: t, ConnContext: remember}
	clear := &http.Server{Handler: t, ConnContext: remember, Protocols: new(http.Protocols)}
	clear.Protocols.SetUnencryptedHTTP2(true)
	secure := &http.Server{Handler: t, ConnContext: remember}
	cert, err := selfSigned()
	if err != nil {
		return err
	}
	calls := grpc.NewServer()
	testpb.RegisterTestServiceServer(calls, interop.NewTestServer())

	failed := make(chan error, 5)
	start := func(address string, f func(net.Listener) error) error {
		l, err := net.Listen("tcp", address)
		if err == nil {
			go func() { failed <- f(l) }()
		}
		return err
	}
	err = errors.Join(
		start(":80", func(l net.Listener) error { return plain.Serve(&recorder{l, &seen}) }),
		start(":81", clear.Serve),
		start(":82", calls.Serve),
		start(":443", func(l net.Listener) error {
			return secure.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}}))
		}),
		start("127.0.0.1:9000", func(l net.Listener) error { return http.Serve(l, &seen) }),
	)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// selfSigned is a certificate that nobody trusts, as targets may have.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"target.invalid"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
