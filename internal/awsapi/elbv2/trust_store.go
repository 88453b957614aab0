package elbv2

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	model "github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

func (a *API) trustStoreOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateTrustStore", a.createTrustStore),
		protocol.Op("ModifyTrustStore", a.modifyTrustStore),
		protocol.Op("DeleteTrustStore", a.deleteTrustStore),
		protocol.Op("DescribeTrustStores", a.describeTrustStores),
		protocol.Op("DescribeTrustStoreAssociations", a.describeTrustStoreAssociations),
		protocol.Op("AddTrustStoreRevocations", a.addTrustStoreRevocations),
		protocol.Op("RemoveTrustStoreRevocations", a.removeTrustStoreRevocations),
		protocol.Op("DescribeTrustStoreRevocations", a.describeTrustStoreRevocations),
	}
}

// object reads an object; the code is AWS's for one that does not exist.
func (a *API) object(bucket, key *string, code string) ([]byte, error) {
	absent := &protocol.Error{Code: code, Message: fmt.Sprintf("The specified object '%s' in the bucket '%s' does not exist.", text(key), text(bucket))}
	if !elb.ValidBucket(text(bucket)) || !elb.ValidKey(text(key)) {
		return nil, absent
	}
	data, err := a.objects(*bucket, *key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, absent
	}
	if err != nil {
		return nil, fmt.Errorf("read object %s of bucket %s: %w", *key, *bucket, err)
	}
	return data, nil
}

const (
	noBundle     = "CaCertificatesBundleNotFound"
	noRevocation = "RevocationContentNotFound"
)

func (a *API) createTrustStore(ctx context.Context, call *protocol.Call, in *model.CreateTrustStoreInput) (*model.CreateTrustStoreOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	bundle, err := a.object(in.CaCertificatesBundleS3Bucket, in.CaCertificatesBundleS3Key, noBundle)
	if err != nil {
		return nil, err
	}
	t, err := run(ctx, a, call, elb.CreateTrustStore{Name: text(in.Name), Bundle: bundle, Tags: tags})
	if err != nil {
		return nil, err
	}
	return &model.CreateTrustStoreOutput{TrustStores: []model.TrustStore{trustStoreOut(t)}}, nil
}

func (a *API) modifyTrustStore(ctx context.Context, call *protocol.Call, in *model.ModifyTrustStoreInput) (*model.ModifyTrustStoreOutput, error) {
	if _, err := elb.FindTrustStore(a.engine.Snapshot(), call.Caller.Scope, text(in.TrustStoreArn)); err != nil {
		return nil, err
	}
	bundle, err := a.object(in.CaCertificatesBundleS3Bucket, in.CaCertificatesBundleS3Key, noBundle)
	if err != nil {
		return nil, err
	}
	t, err := run(ctx, a, call, elb.ModifyTrustStore{ARN: text(in.TrustStoreArn), Bundle: bundle})
	if err != nil {
		return nil, err
	}
	return &model.ModifyTrustStoreOutput{TrustStores: []model.TrustStore{trustStoreOut(t)}}, nil
}

func (a *API) deleteTrustStore(ctx context.Context, call *protocol.Call, in *model.DeleteTrustStoreInput) (*model.DeleteTrustStoreOutput, error) {
	_, err := run(ctx, a, call, elb.DeleteTrustStore{ARN: text(in.TrustStoreArn)})
	return nil, err
}

func trustStoreOut(t elb.TrustStore) model.TrustStore {
	return model.TrustStore{Name: new(t.Name), TrustStoreArn: new(t.ARN), Status: new(t.Status),
		NumberOfCaCertificates: count(t.Certificates()), TotalRevokedEntries: count(t.Revoked())}
}

func (a *API) describeTrustStores(_ context.Context, call *protocol.Call, in *model.DescribeTrustStoresInput) (*model.DescribeTrustStoresOutput, error) {
	list, err := a.findTrustStores(call, in)
	if err != nil {
		return nil, err
	}
	list, next, err := page(list, func(t elb.TrustStore) string { return t.ARN }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeTrustStoresOutput{NextMarker: next}
	for _, t := range list {
		out.TrustStores = append(out.TrustStores, trustStoreOut(t))
	}
	return out, nil
}

func (a *API) findTrustStores(call *protocol.Call, in *model.DescribeTrustStoresInput) ([]elb.TrustStore, error) {
	r, scope := a.engine.Snapshot(), call.Caller.Scope
	if len(in.TrustStoreArns) > 0 && len(in.Names) > 0 {
		return nil, validation("Trust store names and trust store ARNs cannot be specified at the same time")
	}
	var list []elb.TrustStore
	for _, arn := range in.TrustStoreArns {
		t, err := elb.FindTrustStore(r, scope, arn)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	for _, name := range in.Names {
		t, ok := elb.TrustStores.First(r, elb.ByName, scope.Key()+"/"+name)
		if !ok {
			return nil, &protocol.Error{Code: "TrustStoreNotFound", Message: "Trust stores '[" + name + "]' not found"}
		}
		list = append(list, t)
	}
	if len(in.TrustStoreArns)+len(in.Names) == 0 {
		for t := range elb.TrustStores.By(r, elb.ByScope, scope.Key()) {
			list = append(list, t)
		}
	}
	return list, nil
}

func (a *API) describeTrustStoreAssociations(_ context.Context, call *protocol.Call, in *model.DescribeTrustStoreAssociationsInput) (*model.DescribeTrustStoreAssociationsOutput, error) {
	r := a.engine.Snapshot()
	t, err := elb.FindTrustStore(r, call.Caller.Scope, text(in.TrustStoreArn))
	if err != nil {
		return nil, err
	}
	list, next, err := page(elb.TrustStoreUsers(r, t.ARN), func(arn string) string { return arn }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeTrustStoreAssociationsOutput{NextMarker: next}
	for _, arn := range list {
		out.TrustStoreAssociations = append(out.TrustStoreAssociations, model.TrustStoreAssociation{ResourceArn: new(arn)})
	}
	return out, nil
}

func (a *API) addTrustStoreRevocations(ctx context.Context, call *protocol.Call, in *model.AddTrustStoreRevocationsInput) (*model.AddTrustStoreRevocationsOutput, error) {
	c := elb.AddTrustStoreRevocations{ARN: text(in.TrustStoreArn)}
	if _, err := elb.FindTrustStore(a.engine.Snapshot(), call.Caller.Scope, c.ARN); err != nil {
		return nil, err
	}
	for _, x := range in.RevocationContents {
		data, err := a.object(x.S3Bucket, x.S3Key, noRevocation)
		if err != nil {
			return nil, err
		}
		c.Files = append(c.Files, elb.RevocationFile{Type: text(x.RevocationType), Content: data})
	}
	added, err := run(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	out := &model.AddTrustStoreRevocationsOutput{}
	for _, r := range added {
		out.TrustStoreRevocations = append(out.TrustStoreRevocations, model.TrustStoreRevocation{TrustStoreArn: new(c.ARN),
			RevocationId: new(r.ID), RevocationType: new(r.Type), NumberOfRevokedEntries: count(r.Entries)})
	}
	return out, nil
}

func (a *API) removeTrustStoreRevocations(ctx context.Context, call *protocol.Call, in *model.RemoveTrustStoreRevocationsInput) (*model.RemoveTrustStoreRevocationsOutput, error) {
	_, err := run(ctx, a, call, elb.RemoveTrustStoreRevocations{ARN: text(in.TrustStoreArn), IDs: in.RevocationIds})
	return nil, err
}

func (a *API) describeTrustStoreRevocations(_ context.Context, call *protocol.Call, in *model.DescribeTrustStoreRevocationsInput) (*model.DescribeTrustStoreRevocationsOutput, error) {
	t, err := elb.FindTrustStore(a.engine.Snapshot(), call.Caller.Scope, text(in.TrustStoreArn))
	if err != nil {
		return nil, err
	}
	list := t.Revocations
	if len(in.RevocationIds) > 0 {
		list = nil
	}
	for _, id := range in.RevocationIds {
		r, err := t.Revocation(id)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	list, next, err := page(append([]elb.Revocation{}, list...), func(r elb.Revocation) string { return fmt.Sprintf("%019d", r.ID) }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeTrustStoreRevocationsOutput{NextMarker: next}
	for _, r := range list {
		out.TrustStoreRevocations = append(out.TrustStoreRevocations, model.DescribeTrustStoreRevocation{TrustStoreArn: new(t.ARN),
			RevocationId: new(r.ID), RevocationType: new(r.Type), NumberOfRevokedEntries: count(r.Entries)})
	}
	return out, nil
}
