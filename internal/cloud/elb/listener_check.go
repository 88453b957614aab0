package elb

import (
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// checkListener applies the rules that a listener's protocol and port obey
// alone.
func checkListener(l LoadBalancer, x Listener) error {
	if err := checkProtocol(l, x.Protocol); err != nil {
		return err
	}
	if x.Port == 0 {
		return invalid(subjectListener, "A listener port must be specified")
	}
	return checkRange(subjectListener, "port", x.Port, 1, 65535)
}

// checkProtocol refuses protocols that are none, that the load balancer does not
// have, and that are not served.
func checkProtocol(l LoadBalancer, p string) error {
	if p == "" {
		return invalid(subjectListener, "A listener protocol must be specified")
	}
	if err := checkOneOf(subjectListener, "protocol", p,
		"HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC"); err != nil {
		return err
	}
	legal := []string{"TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"}
	if l.IsApplication() {
		legal = []string{"HTTP", "HTTPS"}
	}
	switch {
	case !slices.Contains(legal, p):
		return cloud.Errorf(cloud.KindInvalid, subjectListener, "UnsupportedProtocol",
			"Protocol '%s' is not supported on load balancers with type '%s'", p, l.Type)
	case p == "QUIC" || p == "TCP_QUIC":
		return notServed(subjectListener, "A listener with the protocol '%s'", p)
	}
	return nil
}

// compatible is AWS's table of legal combinations.
func compatible(listener, group string) bool {
	switch listener {
	case "TCP":
		return group == "TCP" || group == "TCP_UDP"
	case "UDP":
		return group == "UDP" || group == "TCP_UDP"
	case "TLS":
		return group == "TLS" || group == "TCP"
	case "HTTP", "HTTPS":
		return group == "HTTP" || group == "HTTPS"
	}
	return listener == group
}
