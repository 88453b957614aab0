package protocol

import (
	"crypto/hmac"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

const signingAlgorithm = "AWS4-HMAC-SHA256"

// credential is the scope that a request was signed for, and its signature. The
// signatures of keys that were issued here are verified; for others any secret is
// good. That there is one shows that the client is an AWS client and no web page.
type credential struct {
	keyID, date, region, service string
	signature, signedHeaders     string
	presigned                    bool
}

// readCredential finds the credential in the Authorization header, or in the
// parameters of a presigned request.
func readCredential(h http.Header, params url.Values) (credential, *Error) {
	auth := h.Get("Authorization")
	if auth == "" {
		if params.Get("X-Amz-Algorithm") == "" {
			return credential{}, &Error{Code: "MissingAuthenticationToken", Message: "Request is missing Authentication Token", Status: http.StatusForbidden}
		}
		return presigned(params)
	}
	algorithm, rest, _ := strings.Cut(auth, " ")
	if algorithm != signingAlgorithm {
		return credential{}, incomplete("Unsupported AWS 'algorithm': '%s'.", algorithm)
	}
	fields := map[string]string{}
	for part := range strings.FieldsFuncSeq(rest, func(r rune) bool { return r == ',' || r == ' ' }) {
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			return credential{}, incomplete("'%s' not a valid key=value pair (missing equal-sign) in Authorization header: '%s'.", part, auth)
		}
		fields[key] = value
	}
	if missing := missingFields(fields, "Authorization header requires '%s' parameter.", "Credential", "Signature", "SignedHeaders"); missing != "" {
		return credential{}, incomplete("%s Authorization=%s", missing, algorithm)
	}
	c, bad := parseScope(fields["Credential"])
	c.signature, c.signedHeaders = fields["Signature"], fields["SignedHeaders"]
	return c, bad
}

func presigned(params url.Values) (credential, *Error) {
	if a := params.Get("X-Amz-Algorithm"); a != signingAlgorithm {
		return credential{}, incomplete("Unsupported AWS 'algorithm': '%s'.", a)
	}
	fields := map[string]string{}
	names := []string{"X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders"}
	for _, name := range names {
		fields[name] = params.Get(name)
	}
	if missing := missingFields(fields, "AWS query-string parameters must include '%s'.", names...); missing != "" {
		return credential{}, incomplete("%s Re-examine the query-string parameters.", missing)
	}
	c, bad := parseScope(fields["X-Amz-Credential"])
	c.signature, c.signedHeaders, c.presigned = fields["X-Amz-Signature"], fields["X-Amz-SignedHeaders"], true
	return c, bad
}

func missingFields(fields map[string]string, sentence string, names ...string) string {
	var missing []string
	for _, name := range names {
		if fields[name] == "" {
			missing = append(missing, fmt.Sprintf(sentence, name))
		}
	}
	return strings.Join(missing, " ")
}

func parseScope(text string) (credential, *Error) {
	parts := strings.Split(text, "/")
	if len(parts) != 5 {
		return credential{}, incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", text)
	}
	c := credential{keyID: parts[0], date: parts[1], region: parts[2], service: parts[3]}
	if parts[4] != "aws4_request" {
		return c, incomplete("Credential should be scoped with a valid terminator: 'aws4_request', not '%s'.", parts[4])
	}
	if c.keyID == "" || len(c.keyID) > 128 {
		return c, incomplete("Credential should have a key id of 1 to 128 characters.")
	}
	if len(c.date) != 8 || strings.Trim(c.date, "0123456789") != "" {
		return c, incomplete("Date in Credential scope must be in the format YYYYMMDD, got '%s'.", c.date)
	}
	if c.service == "" || len(c.service) > 64 {
		return c, incomplete("Credential should be scoped to a valid service.")
	}
	if c.region == "" || len(c.region) > 32 || strings.Trim(c.region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return c, &Error{Code: "SignatureDoesNotMatch", Message: "Credential should be scoped to a valid region.", Status: http.StatusForbidden}
	}
	return c, nil
}

func incomplete(format string, args ...any) *Error {
	return &Error{Code: "IncompleteSignature", Message: fmt.Sprintf(format, args...), Status: http.StatusForbidden}
}

// account is the account that a key id names by itself: its own 12 digits.
func (c credential) account() (string, bool) {
	return c.keyID, len(c.keyID) == 12 && strings.Trim(c.keyID, "0123456789") == ""
}

// temporaryKey is how the ids of keys begin that STS issues.
const temporaryKey = "ASIA"

// caller is who signed the request. A key that nothing is known of stands for
// the default account; a temporary one must have been issued here, and so must
// any that comes from inside the world.
func (x *exchange) caller(s *service, c credential, in *request) (cloud.Caller, *Error) {
	account, ok := c.account()
	if !ok && x.identify != nil {
		who, known := x.identify(c.keyID)
		if known {
			who.Region, who.Internal = c.region, false
			return who, x.verify(s, c, in)
		}
		if strings.HasPrefix(c.keyID, temporaryKey) {
			return cloud.Caller{}, s.unknownKey()
		}
	}
	if x.door != nil {
		return cloud.Caller{}, s.unknownKey()
	}
	if !ok {
		account = defaultAccount
	}
	return cloud.Caller{
		Scope:        cloud.Scope{Account: account, Region: c.region},
		PrincipalARN: "arn:aws:iam::" + account + ":root",
		UserID:       account,
	}, nil
}

// verify checks a request that is signed with a key that was issued here.
func (x *exchange) verify(s *service, c credential, in *request) *Error {
	if x.expired != nil && x.expired(c.keyID) {
		return s.expiredKey()
	}
	if x.secret == nil {
		if x.door != nil {
			return s.unknownKey()
		}
		return nil
	}
	secret, token, ok := x.secret(c.keyID)
	if !ok {
		return s.unknownKey()
	}
	given := x.r.Header.Get("X-Amz-Security-Token")
	if c.presigned {
		given = x.r.URL.Query().Get("X-Amz-Security-Token")
	}
	if !hmac.Equal([]byte(given), []byte(token)) {
		return s.unknownKey()
	}
	g := signed{credential: c, r: x.r, body: in.body}
	if bad := g.inTime(s, x.now()); bad != nil {
		return bad
	}
	return g.check(s, secret)
}

// expiredKey and unknownKey refuse keys. EC2 and the JSON services have words of
// their own.
func (s *service) expiredKey() *Error {
	switch s.Protocol {
	case EC2:
		return &Error{Code: "RequestExpired", Message: "Request has expired.", Status: http.StatusBadRequest}
	case JSON11:
		return &Error{Code: "ExpiredTokenException", Message: "The security token included in the request is expired", Status: http.StatusBadRequest}
	}
	return &Error{Code: "ExpiredToken", Message: "The security token included in the request is expired", Status: http.StatusForbidden}
}

func (s *service) unknownKey() *Error {
	switch s.Protocol {
	case EC2:
		return s.notValidated()
	case JSON11:
		return &Error{Code: "UnrecognizedClientException", Message: "The security token included in the request is invalid.", Status: http.StatusBadRequest}
	}
	return &Error{Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid.", Status: http.StatusForbidden}
}

// notValidated is all that EC2 says of credentials that are not good.
func (s *service) notValidated() *Error {
	return &Error{Code: "AuthFailure", Message: "AWS was not able to validate the provided access credentials", Status: http.StatusUnauthorized}
}

// badSignature refuses a signature, or what it was made of.
func (s *service) badSignature(format string, args ...any) *Error {
	e := &Error{Code: "SignatureDoesNotMatch", Message: fmt.Sprintf(format, args...), Status: http.StatusForbidden}
	if s.Protocol == JSON11 {
		e.Code, e.Status = "InvalidSignatureException", http.StatusBadRequest
	}
	return e
}
