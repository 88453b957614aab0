package acm

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/acm"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/acm"
)

// defaultPage is how many certificates are listed without MaxItems.
const defaultPage = 1000

// tokenPrefix begins the paging tokens of this program.
const tokenPrefix = "musubi:after:"

func (a *API) list(_ context.Context, call *protocol.Call, in *model.ListCertificatesRequest) (*model.ListCertificatesResponse, error) {
	if (in.SortBy == nil) != (in.SortOrder == nil) {
		return nil, &protocol.Error{Code: "InvalidArgsException", Message: "SortBy and SortOrder must be specified together."}
	}
	r := a.engine.Snapshot()
	var all []acm.Certificate
	for c := range acm.Certificates.By(r, acm.ByScope, call.Caller.Key()) {
		status := string(c.StatusAt(a.now()))
		if (len(in.CertificateStatuses) == 0 || slices.Contains(in.CertificateStatuses, status)) && included(c, in.Includes) {
			all = append(all, c)
		}
	}
	sortCertificates(all, value(in.SortOrder))
	page, next, err := cut(all, in.NextToken, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &model.ListCertificatesResponse{CertificateSummaryList: []model.CertificateSummary{}, NextToken: next}
	for _, c := range page {
		out.CertificateSummaryList = append(out.CertificateSummaryList, summary(c, usedBy(r, c.ARN), a.now()))
	}
	return out, nil
}

// included applies the filters; without one for key types, ACM lists RSA keys of
// 1024 and 2048 bits only.
func included(c acm.Certificate, f *model.Filters) bool {
	if f == nil {
		f = &model.Filters{}
	}
	types := f.KeyTypes
	if len(types) == 0 {
		types = []string{"RSA_1024", "RSA_2048"}
	}
	return slices.Contains(types, c.KeyAlgorithm) && matches(f.KeyUsage, c.KeyUsages) && matches(f.ExtendedKeyUsage, c.ExtendedKeyUsages) &&
		(f.ExportOption == nil || *f.ExportOption == "DISABLED" && c.Type == acm.AmazonIssued)
}

// matches reports whether a certificate has one of the usages asked for. ANY is
// what a certificate allows that names none; NONE asks for those.
func matches(want, have []string) bool {
	if len(want) == 0 {
		return true
	}
	if len(have) == 0 {
		return slices.Contains(want, "ANY") || slices.Contains(want, "NONE")
	}
	return slices.ContainsFunc(want, func(u string) bool { return slices.Contains(have, u) })
}

// sortCertificates sorts by time, or by ARN where no order is asked for.
func sortCertificates(all []acm.Certificate, order string) {
	slices.SortFunc(all, func(x, y acm.Certificate) int {
		n := x.CreatedAt.Compare(y.CreatedAt)
		switch order {
		case "":
			n = 0
		case "DESCENDING":
			n = -n
		}
		if n != 0 {
			return n
		}
		return strings.Compare(x.ARN, y.ARN)
	})
}

// cut takes the page that starts after the token's certificate.
func cut(all []acm.Certificate, token *string, maxItems *int64) (page []acm.Certificate, next *string, err error) {
	if token != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		after, ok := strings.CutPrefix(string(raw), tokenPrefix)
		if err != nil || !ok {
			return nil, nil, &protocol.Error{Code: "ValidationException", Message: "Invalid NextToken."}
		}
		i := slices.IndexFunc(all, func(c acm.Certificate) bool { return c.ARN == after })
		if i < 0 {
			return nil, nil, &protocol.Error{Code: "ValidationException", Message: "The NextToken is no longer valid: its certificate is gone."}
		}
		all = all[i+1:]
	}
	limit := defaultPage
	if maxItems != nil {
		limit = int(*maxItems)
	}
	if len(all) <= limit {
		return all, nil, nil
	}
	return all[:limit], new(base64.RawURLEncoding.EncodeToString([]byte(tokenPrefix + all[limit-1].ARN))), nil
}
