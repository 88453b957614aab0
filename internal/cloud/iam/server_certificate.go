package iam

import (
	"crypto/x509"
	"errors"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/certpem"
)

// maxServerCertificates is how many server certificates an account may have.
const maxServerCertificates = 20

// FindServerCertificate returns the account's server certificate of that name.
func FindServerCertificate(r cloud.Reader, account, name string) (ServerCertificate, error) {
	c, ok := ServerCertificates.Get(r, account+"/"+name)
	if !ok {
		e := cloud.Errorf(cloud.KindNotFound, "server-certificate", "NoSuchEntity", "The Server Certificate with name %s cannot be found.", name)
		e.ID = name
		return ServerCertificate{}, e
	}
	return c, nil
}

// UploadServerCertificate takes a certificate with its key.
type UploadServerCertificate struct {
	Name, Path       string
	Body, Chain, Key string
	Tags             cloud.Tags
}

// Apply checks the certificate and keeps it.
func (c UploadServerCertificate) Apply(tx *cloud.Tx) (ServerCertificate, error) {
	if err := checkName("serverCertificateName", c.Name, 128); err != nil {
		return ServerCertificate{}, err
	}
	path, err := cleanPath(c.Path)
	if err != nil {
		return ServerCertificate{}, err
	}
	tags, err := setTags(nil, c.Tags)
	if err != nil {
		return ServerCertificate{}, err
	}
	account := tx.Caller.Account
	if err := freeCertificateName(tx, account, c.Name); err != nil {
		return ServerCertificate{}, err
	}
	leaf, err := c.check()
	if err != nil {
		return ServerCertificate{}, err
	}
	n := 0
	for range ServerCertificates.By(tx, ByAccount, account) {
		n++
	}
	if n >= maxServerCertificates {
		return ServerCertificate{}, limit("server-certificate", "Cannot exceed quota for ServerCertificatesPerAccount: %d", maxServerCertificates)
	}
	x := ServerCertificate{
		ID: newID(tx, "ASCA"), Account: account, Name: c.Name, Path: path, Body: strings.TrimSpace(c.Body), Chain: strings.TrimSpace(c.Chain),
		PrivateKey: c.Key, UploadedAt: tx.Now, Expires: leaf.NotAfter, Tags: tags,
	}
	ServerCertificates.Put(tx, x)
	return x, nil
}

// freeCertificateName refuses a name that differs from another in case at most.
func freeCertificateName(r cloud.Reader, account, name string) error {
	for other := range ServerCertificates.By(r, ByAccount, account) {
		if strings.EqualFold(other.Name, name) {
			return exists("server-certificate", "The Server Certificate with name %s already exists.", name)
		}
	}
	return nil
}

// check goes through the texts.
func (c UploadServerCertificate) check() (*x509.Certificate, error) {
	all, err := certpem.Certificates(c.Body)
	if err != nil || len(all) != 1 {
		return nil, malformedCertificate("Unable to parse certificate. Please ensure the certificate is in PEM format.")
	}
	key, err := certpem.Key(c.Key)
	switch {
	case errors.Is(err, certpem.ErrEncrypted):
		return nil, malformedCertificate("Invalid Private Key. The private key must not be encrypted.")
	case err != nil:
		return nil, malformedCertificate("Invalid Private Key. Please ensure the private key is in PEM format.")
	case certpem.KeyAlgorithm(key.Public()) == "":
		return nil, malformedCertificate("Unsupported key algorithm or length.")
	case !certpem.Pair(all[0], key):
		return nil, cloud.Errorf(cloud.KindInvalid, "server-certificate", "KeyPairMismatch", "Certificate and private key do not match.")
	}
	if strings.TrimSpace(c.Chain) == "" {
		return all[0], nil
	}
	chain, err := certpem.Certificates(c.Chain)
	broken := -1
	if err == nil {
		broken = certpem.BrokenLink(all[0], chain)
	}
	if err != nil || broken >= 0 {
		return nil, malformedCertificate("Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, followed by any intermediaries in order. The index within the chain of the invalid certificate is: %d", broken)
	}
	return all[0], nil
}

func malformedCertificate(format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindInvalid, "server-certificate", "MalformedCertificate", format, args...)
}

// UsedBy lists what uses a certificate, by its ARN. The load balancers' domain
// knows, which this one must not.
type UsedBy func(r cloud.Reader, arn string) []string

func (used UsedBy) refuse(r cloud.Reader, c ServerCertificate, before string) error {
	if users := used(r, c.ARN()); len(users) > 0 {
		return conflict("server-certificate", "Certificate: %s is currently in use by %s. Please remove it first before %s.", c.ID, users[0], before)
	}
	return nil
}

// DeleteServerCertificate deletes a certificate that nothing uses.
type DeleteServerCertificate struct {
	Name   string
	UsedBy UsedBy
}

// Apply deletes it.
func (c DeleteServerCertificate) Apply(tx *cloud.Tx) (cloud.None, error) {
	x, err := FindServerCertificate(tx, tx.Caller.Account, c.Name)
	if err == nil {
		err = c.UsedBy.refuse(tx, x, "deleting it from IAM")
	}
	if err == nil {
		ServerCertificates.Delete(tx, x.Account+"/"+x.Name)
	}
	return cloud.None{}, err
}

// UpdateServerCertificate changes the name or the path, and with them the ARN.
// AWS's load balancers follow; here they know a certificate by its ARN, so one
// that is in use is refused.
type UpdateServerCertificate struct {
	Name             string
	NewName, NewPath string // empty: as it is
	UsedBy           UsedBy
}

// Apply changes them.
func (c UpdateServerCertificate) Apply(tx *cloud.Tx) (cloud.None, error) {
	x, err := FindServerCertificate(tx, tx.Caller.Account, c.Name)
	if err != nil {
		return cloud.None{}, err
	}
	renamed := x
	if c.NewName != "" {
		renamed.Name = c.NewName
	}
	if c.NewPath != "" {
		if renamed.Path, err = cleanPath(c.NewPath); err != nil {
			return cloud.None{}, err
		}
	}
	if renamed.ARN() == x.ARN() {
		return cloud.None{}, nil
	}
	if err := checkName("newServerCertificateName", renamed.Name, 128); err != nil {
		return cloud.None{}, err
	}
	if !strings.EqualFold(renamed.Name, x.Name) {
		if err := freeCertificateName(tx, x.Account, renamed.Name); err != nil {
			return cloud.None{}, err
		}
	}
	if err := c.UsedBy.refuse(tx, x, "changing its name or path"); err != nil {
		return cloud.None{}, err
	}
	ServerCertificates.Delete(tx, x.Account+"/"+x.Name)
	ServerCertificates.Put(tx, renamed)
	return cloud.None{}, nil
}

// TagServerCertificate sets and removes tags of a certificate.
type TagServerCertificate struct {
	Name string
	Set  cloud.Tags
	Drop []string
}

// Apply changes the tags.
func (c TagServerCertificate) Apply(tx *cloud.Tx) (cloud.None, error) {
	x, err := FindServerCertificate(tx, tx.Caller.Account, c.Name)
	if err != nil {
		return cloud.None{}, err
	}
	if x.Tags, err = setTags(dropTags(x.Tags, c.Drop), c.Set); err != nil {
		return cloud.None{}, err
	}
	ServerCertificates.Put(tx, x)
	return cloud.None{}, nil
}
