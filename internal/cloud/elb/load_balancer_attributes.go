package elb

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Keys of attributes of application load balancers that others read.
const (
	AttrIdleTimeout   = "idle_timeout.timeout_seconds"
	AttrKeepAlive     = "client_keep_alive.seconds"
	AttrHTTP2         = "routing.http2.enabled"
	AttrDropInvalid   = "routing.http.drop_invalid_header_fields.enabled"
	AttrDesync        = "routing.http.desync_mitigation_mode"
	AttrPreserveHost  = "routing.http.preserve_host_header.enabled"
	AttrTLSHeaders    = "routing.http.x_amzn_tls_version_and_cipher_suite.enabled"
	AttrForwardedPort = "routing.http.xff_client_port.enabled"
	AttrForwarded     = "routing.http.xff_header_processing.mode"
	// Of each of these there are .enabled, .bucket and .prefix.
	AttrAccessLogs     = "access_logs.s3"
	AttrConnectionLogs = "connection_logs.s3"
	attrHealthLogs     = "health_check_logs.s3"
)

// lbAttribute is an attribute with its value in a new load balancer.
type lbAttribute struct {
	attribute
	initial string
}

func lbAttributes(lbType, scheme string) map[string]lbAttribute {
	internal := strconv.FormatBool(scheme == "internal")
	keys := map[string]lbAttribute{
		attrDeletionProtection:       {boolean(), "false"},
		AttrAccessLogs + ".bucket":   {bucket(), ""},
		AttrAccessLogs + ".prefix":   {logPrefix(), ""},
		"ipv6.deny_all_igw_traffic":  {boolean().only(internal), internal},
		"zonal_shift.config.enabled": {boolean().only("false"), "false"},
	}
	more := networkAttributes
	if lbType == typeApplication {
		more = applicationAttributes
	}
	for k, a := range more() {
		keys[k] = a
	}
	return keys
}

func networkAttributes() map[string]lbAttribute {
	return map[string]lbAttribute{
		attrCrossZone:               {boolean(), "false"},
		AttrAccessLogs + ".enabled": {boolean().only("false"), "false"},
		"dns_record.client_routing_policy": {choice("any_availability_zone", "availability_zone_affinity",
			"partial_availability_zone_affinity").only("any_availability_zone"), "any_availability_zone"},
		"secondary_ips.auto_assigned.per_subnet": {integer(0, 7).only("0"), "0"},
	}
}

func applicationAttributes() map[string]lbAttribute {
	return map[string]lbAttribute{
		attrCrossZone:                   {choice("true"), "true"},
		AttrIdleTimeout:                 {integer(1, 4000), "60"},
		AttrKeepAlive:                   {integer(60, 604800), "3600"},
		AttrHTTP2:                       {boolean(), "true"},
		AttrDropInvalid:                 {boolean(), "false"},
		AttrDesync:                      {choice("monitor", "defensive", "strictest"), "defensive"},
		AttrPreserveHost:                {boolean(), "false"},
		AttrTLSHeaders:                  {boolean(), "false"},
		AttrForwardedPort:               {boolean(), "false"},
		AttrForwarded:                   {choice("append", "preserve", "remove"), "append"},
		"waf.fail_open.enabled":         {boolean().only("false"), "false"},
		AttrAccessLogs + ".enabled":     {boolean(), "false"},
		AttrConnectionLogs + ".enabled": {boolean(), "false"},
		AttrConnectionLogs + ".bucket":  {bucket(), ""},
		AttrConnectionLogs + ".prefix":  {logPrefix(), ""},
		attrHealthLogs + ".enabled":     {boolean().only("false"), "false"},
		attrHealthLogs + ".bucket":      {bucket(), ""},
		attrHealthLogs + ".prefix":      {logPrefix(), ""},
	}
}

// bucket is the name of an S3 bucket; it is a directory here, so that it may
// not lead elsewhere.
func bucket() attribute {
	return attribute{expect: "the name of a bucket", legal: func(v string) bool { return v == "" || ValidBucket(v) }}
}

// ValidBucket reports whether S3 could have a bucket of this name.
func ValidBucket(v string) bool {
	ok, err := regexp.MatchString(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`, v)
	return err == nil && ok && !strings.Contains(v, "..")
}

// logPrefix is the place of logs in a bucket.
func logPrefix() attribute {
	return attribute{expect: "a prefix without 'AWSLogs', and without '/' at its beginning or end", legal: func(v string) bool {
		if v == "" {
			return true
		}
		return len(v) <= 1024 && ValidKey(v) && !strings.HasSuffix(v, "/") && !strings.Contains(v, "AWSLogs")
	}}
}

// ValidKey reports whether a key of an object is the path of a file below its
// bucket.
func ValidKey(v string) bool {
	for part := range strings.SplitSeq(v, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsRune(part, 0) {
			return false
		}
	}
	return true
}

func defaultLBAttributes(lbType, scheme string) map[string]string {
	out := map[string]string{}
	for k, a := range lbAttributes(lbType, scheme) {
		out[k] = a.initial
	}
	return out
}

// ModifyLoadBalancerAttributes sets some attributes of a load balancer.
type ModifyLoadBalancerAttributes struct {
	ARN string
	Set []KeyValue
}

// Apply implements cloud.Command.
func (c ModifyLoadBalancerAttributes) Apply(tx *cloud.Tx) (LoadBalancer, error) {
	l, err := Find(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return l, err
	}
	keys := map[string]attribute{}
	for k, a := range lbAttributes(l.Type, l.Scheme) {
		keys[k] = a.attribute
	}
	m, err := setAttributes(subjectLB, "Load balancer", keys, l.Attributes, c.Set)
	if err != nil {
		return l, err
	}
	for _, log := range []string{AttrAccessLogs, AttrConnectionLogs} {
		if m[log+".enabled"] == "true" && m[log+".bucket"] == "" {
			return l, badConfiguration(subjectLB, "The value of '%s.bucket' cannot be empty when '%s.enabled' is true", log, log)
		}
	}
	l.Attributes = m
	LoadBalancers.Put(tx, l)
	return l, nil
}
