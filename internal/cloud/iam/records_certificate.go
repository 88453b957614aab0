package iam

import (
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// ServerCertificate is a certificate that was uploaded to IAM; its key is
// account/name. Load balancers name it by ARN.
type ServerCertificate struct {
	ID      string // ASCA…
	Account string
	Name    string
	Path    string
	// Body, Chain and PrivateKey are PEM.
	Body, Chain, PrivateKey string
	UploadedAt, Expires     time.Time
	Tags                    cloud.Tags
}

// ARN is the certificate's ARN.
func (c *ServerCertificate) ARN() string {
	return "arn:aws:iam::" + c.Account + ":server-certificate" + c.Path + c.Name
}

// ServerCertificates is the table of server certificates.
var ServerCertificates = cloud.NewTable("server-certificate", func(c *ServerCertificate) string { return c.Account + "/" + c.Name },
	cloud.Index[ServerCertificate]{Name: ByAccount, Keys: func(c *ServerCertificate) []string { return []string{c.Account} }},
	cloud.Index[ServerCertificate]{Name: ByARN, Keys: func(c *ServerCertificate) []string { return []string{c.ARN()} }})

// ByARN is the index of server certificates by ARN.
const ByARN = "arn"
