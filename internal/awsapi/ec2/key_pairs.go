package ec2

import (
	"context"
	"slices"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

func (a *API) keyPairOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("ImportKeyPair", a.importKeyPair),
		protocol.Op("DeleteKeyPair", a.deleteKeyPair),
		protocol.Op("DescribeKeyPairs", a.describeKeyPairs),
	}
}

func (a *API) importKeyPair(ctx context.Context, call *protocol.Call, in *model.ImportKeyPairRequest) (*model.ImportKeyPairResult, error) {
	tags, err := tagsFromSpecs(in.TagSpecifications, "key-pair")
	if err != nil {
		return nil, err
	}
	k, err := do(ctx, a, call, compute.ImportKeyPair{Name: val(in.KeyName), PublicKey: string(in.PublicKeyMaterial), Tags: tags})
	if err != nil {
		return nil, err
	}
	return &model.ImportKeyPairResult{KeyName: &k.Name, KeyPairId: &k.ID, KeyFingerprint: &k.Fingerprint, Tags: tagList(k.Tags)}, nil
}

func (a *API) deleteKeyPair(ctx context.Context, call *protocol.Call, in *model.DeleteKeyPairRequest) (*model.DeleteKeyPairResult, error) {
	k, err := do(ctx, a, call, compute.DeleteKeyPair{Name: val(in.KeyName), ID: val(in.KeyPairId)})
	return &model.DeleteKeyPairResult{Return: new(true), KeyPairId: text(k.ID)}, err
}

func (a *API) describeKeyPairs(_ context.Context, call *protocol.Call, in *model.DescribeKeyPairsRequest) (*model.DescribeKeyPairsResult, error) {
	all := slices.Collect(compute.KeyPairs.By(a.engine.Snapshot(), compute.ByScope, call.Caller.Key()))
	for _, name := range in.KeyNames {
		if !slices.ContainsFunc(all, func(k compute.KeyPair) bool { return k.Name == name }) {
			return nil, noKeyPair(name)
		}
	}
	for _, id := range in.KeyPairIds {
		if !slices.ContainsFunc(all, func(k compute.KeyPair) bool { return k.ID == id }) {
			return nil, noKeyPair(id)
		}
	}
	if len(in.KeyNames)+len(in.KeyPairIds) > 0 {
		all = slices.DeleteFunc(all, func(k compute.KeyPair) bool {
			return !slices.Contains(in.KeyNames, k.Name) && !slices.Contains(in.KeyPairIds, k.ID)
		})
	}
	all, err := selectItems(all, in.Filters, filterFields[compute.KeyPair]{
		"fingerprint": one(func(k compute.KeyPair) string { return k.Fingerprint }),
		"key-name":    one(func(k compute.KeyPair) string { return k.Name }),
		"key-pair-id": one(func(k compute.KeyPair) string { return k.ID }),
	}, func(k compute.KeyPair) cloud.Tags { return k.Tags })
	if err != nil {
		return nil, err
	}
	out := &model.DescribeKeyPairsResult{}
	for _, k := range all {
		v := model.KeyPairInfo{KeyName: &k.Name, KeyPairId: &k.ID, KeyFingerprint: &k.Fingerprint, KeyType: &k.Type, CreateTime: &k.CreatedAt,
			Tags: tagList(k.Tags)}
		if val(in.IncludePublicKey) {
			v.PublicKey = &k.PublicKey
		}
		out.KeyPairs = append(out.KeyPairs, v)
	}
	return out, nil
}

func noKeyPair(name string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: "key-pair", ID: name, Code: "InvalidKeyPair.NotFound",
		Message: "The key pair '" + name + "' does not exist"}
}
