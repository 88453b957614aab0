package iam

import (
	"context"
	"maps"
	"slices"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/iam"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/engine"
)

func (a *API) certificateOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("UploadServerCertificate", a.uploadServerCertificate),
		change[model.DeleteServerCertificateRequest, model.DeleteServerCertificateResponse](a, "DeleteServerCertificate", func(in *model.DeleteServerCertificateRequest) cloud.Command[cloud.None] {
			return iam.DeleteServerCertificate{Name: value(in.ServerCertificateName), UsedBy: certificateUsers}
		}),
		change[model.UpdateServerCertificateRequest, model.UpdateServerCertificateResponse](a, "UpdateServerCertificate", func(in *model.UpdateServerCertificateRequest) cloud.Command[cloud.None] {
			return iam.UpdateServerCertificate{Name: value(in.ServerCertificateName), NewName: value(in.NewServerCertificateName),
				NewPath: value(in.NewPath), UsedBy: certificateUsers}
		}),
		change[model.TagServerCertificateRequest, model.TagServerCertificateResponse](a, "TagServerCertificate", func(in *model.TagServerCertificateRequest) cloud.Command[cloud.None] {
			return iam.TagServerCertificate{Name: value(in.ServerCertificateName), Set: tagMap(in.Tags)}
		}),
		change[model.UntagServerCertificateRequest, model.UntagServerCertificateResponse](a, "UntagServerCertificate", func(in *model.UntagServerCertificateRequest) cloud.Command[cloud.None] {
			return iam.TagServerCertificate{Name: value(in.ServerCertificateName), Drop: in.TagKeys}
		}),
		read(a, "GetServerCertificate", getServerCertificate), read(a, "ListServerCertificates", listServerCertificates),
		read(a, "ListServerCertificateTags", listServerCertificateTags),
	}
}

// certificateUsers lists the load balancers that present a certificate.
func certificateUsers(r cloud.Reader, arn string) []string {
	used := map[string]bool{}
	for l := range elb.Listeners.By(r, elb.ByCertificate, arn) {
		used[l.LoadBalancerARN] = true
	}
	return slices.Sorted(maps.Keys(used))
}

func (a *API) uploadServerCertificate(ctx context.Context, call *protocol.Call, in *model.UploadServerCertificateRequest) (*model.UploadServerCertificateResponse, error) {
	c, err := engine.Do(ctx, a.engine, call.Caller, iam.UploadServerCertificate{
		Name: value(in.ServerCertificateName), Path: value(in.Path), Body: value(in.CertificateBody), Chain: value(in.CertificateChain),
		Key: value(in.PrivateKey), Tags: tagMap(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &model.UploadServerCertificateResponse{ServerCertificateMetadata: new(certificateView(c)), Tags: tagList(c.Tags)}, nil
}

func certificateView(c iam.ServerCertificate) model.ServerCertificateMetadata {
	return model.ServerCertificateMetadata{
		Arn: new(c.ARN()), Expiration: new(c.Expires), Path: new(c.Path), ServerCertificateId: new(c.ID),
		ServerCertificateName: new(c.Name), UploadDate: new(c.UploadedAt),
	}
}

func getServerCertificate(r cloud.Reader, account string, in *model.GetServerCertificateRequest) (*model.GetServerCertificateResponse, error) {
	c, err := iam.FindServerCertificate(r, account, value(in.ServerCertificateName))
	if err != nil {
		return nil, err
	}
	v := &model.ServerCertificate{CertificateBody: new(c.Body), ServerCertificateMetadata: new(certificateView(c)), Tags: tagList(c.Tags)}
	if c.Chain != "" {
		v.CertificateChain = new(c.Chain)
	}
	return &model.GetServerCertificateResponse{ServerCertificate: v}, nil
}

func listServerCertificates(r cloud.Reader, account string, in *model.ListServerCertificatesRequest) (*model.ListServerCertificatesResponse, error) {
	var all []iam.ServerCertificate
	for c := range iam.ServerCertificates.By(r, iam.ByAccount, account) {
		if strings.HasPrefix(c.Path, value(in.PathPrefix)) {
			all = append(all, c)
		}
	}
	all, next, err := paged(all, func(c *iam.ServerCertificate) string { return c.Name }, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	views := []model.ServerCertificateMetadata{}
	for _, c := range all {
		views = append(views, certificateView(c))
	}
	return &model.ListServerCertificatesResponse{ServerCertificateMetadataList: views, IsTruncated: new(next != nil), Marker: next}, nil
}

func listServerCertificateTags(r cloud.Reader, account string, in *model.ListServerCertificateTagsRequest) (*model.ListServerCertificateTagsResponse, error) {
	c, err := iam.FindServerCertificate(r, account, value(in.ServerCertificateName))
	if err != nil {
		return nil, err
	}
	tags, next, err := paged(tagList(c.Tags), tagKey, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &model.ListServerCertificateTagsResponse{Tags: tags, IsTruncated: new(next != nil), Marker: next}, nil
}
