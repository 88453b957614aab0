package ssm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ssm"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/ssm"
	"github.com/musubi-net/musubi/internal/engine"
)

func (a *API) documentOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateDocument", a.createDocument),
		protocol.Op("UpdateDocument", a.updateDocument),
		protocol.Op("UpdateDocumentDefaultVersion", a.updateDocumentDefaultVersion),
		protocol.Op("DeleteDocument", a.deleteDocument),
		protocol.Op("GetDocument", a.getDocument),
		protocol.Op("DescribeDocument", a.describeDocument),
		protocol.Op("DescribeDocumentPermission", a.describeDocumentPermission),
		protocol.Op("ListDocuments", a.listDocuments),
		protocol.Op("ListDocumentVersions", a.listDocumentVersions),
	}
}

func (a *API) createDocument(ctx context.Context, call *protocol.Call, in *model.CreateDocumentRequest) (*model.CreateDocumentResult, error) {
	d, err := engine.Do(ctx, a.engine, call.Caller, ssm.CreateDocument{
		Name: val(in.Name), Type: val(in.DocumentType), Format: val(in.DocumentFormat), Content: val(in.Content), DisplayName: val(in.DisplayName),
		TargetType: val(in.TargetType), Tags: tagMap(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &model.CreateDocumentResult{DocumentDescription: creating(documentView(d, d.Latest()), "Creating")}, nil
}

func (a *API) updateDocument(ctx context.Context, call *protocol.Call, in *model.UpdateDocumentRequest) (*model.UpdateDocumentResult, error) {
	d, err := engine.Do(ctx, a.engine, call.Caller, ssm.UpdateDocument{
		Name: val(in.Name), Content: val(in.Content), Format: val(in.DocumentFormat), Version: val(in.DocumentVersion), DisplayName: val(in.DisplayName),
		TargetType: val(in.TargetType),
	})
	if err != nil {
		return nil, err
	}
	return &model.UpdateDocumentResult{DocumentDescription: creating(documentView(d, d.Latest()), "Updating")}, nil
}

// creating is a document in the status in which it is when it was just written.
func creating(v *model.DocumentDescription, status string) *model.DocumentDescription {
	v.Status = &status
	return v
}

func (a *API) updateDocumentDefaultVersion(ctx context.Context, call *protocol.Call, in *model.UpdateDocumentDefaultVersionRequest) (*model.UpdateDocumentDefaultVersionResult, error) {
	d, err := engine.Do(ctx, a.engine, call.Caller, ssm.SetDefaultVersion{Name: val(in.Name), Version: val(in.DocumentVersion)})
	if err != nil {
		return nil, err
	}
	return &model.UpdateDocumentDefaultVersionResult{Description: &model.DocumentDefaultVersionDescription{Name: &d.Name, DefaultVersion: new(strconv.Itoa(d.DefaultVersion))}}, nil
}

func (a *API) deleteDocument(ctx context.Context, call *protocol.Call, in *model.DeleteDocumentRequest) (*model.DeleteDocumentResult, error) {
	_, err := engine.Do(ctx, a.engine, call.Caller, ssm.DeleteDocument{Name: val(in.Name)})
	return &model.DeleteDocumentResult{}, err
}

// version finds a document and one of its versions.
func (a *API) version(call *protocol.Call, name, version *string) (d ssm.Document, v ssm.DocumentVersion, err error) {
	if d, err = ssm.FindDocument(a.engine.Snapshot(), call.Caller.Scope, val(name)); err == nil {
		v, err = d.Version(val(version))
	}
	return d, v, err
}

func (a *API) getDocument(_ context.Context, call *protocol.Call, in *model.GetDocumentRequest) (*model.GetDocumentResult, error) {
	d, v, err := a.version(call, in.Name, in.DocumentVersion)
	if err != nil {
		return nil, err
	}
	content, err := v.In(val(in.DocumentFormat))
	if err != nil {
		return nil, err
	}
	format := val(in.DocumentFormat)
	if format == "" {
		format = v.Format
	}
	return &model.GetDocumentResult{
		Name: &d.Name, CreatedDate: moment(v.CreatedAt), DisplayName: filled(v.DisplayName), DocumentVersion: new(strconv.Itoa(v.Number)), Status: new("Active"),
		Content: &content, DocumentType: &d.Type, DocumentFormat: &format, AttachmentsContent: []model.AttachmentContent{},
	}, nil
}

func (a *API) describeDocument(_ context.Context, call *protocol.Call, in *model.DescribeDocumentRequest) (*model.DescribeDocumentResult, error) {
	d, v, err := a.version(call, in.Name, in.DocumentVersion)
	if err != nil {
		return nil, err
	}
	return &model.DescribeDocumentResult{Document: documentView(d, v)}, nil
}

// documentView is a version of a document as it is described.
func documentView(d ssm.Document, v ssm.DocumentVersion) *model.DocumentDescription {
	sum := sha256.Sum256([]byte(v.Content))
	info := v.Info()
	out := &model.DocumentDescription{
		Hash: new(hex.EncodeToString(sum[:])), HashType: new("Sha256"), Name: &d.Name, DisplayName: filled(v.DisplayName), Owner: new(d.Owner()),
		CreatedDate: moment(v.CreatedAt), Status: new("Active"), DocumentVersion: new(strconv.Itoa(v.Number)), Description: filled(info.Description),
		PlatformTypes: platforms(d.Type, info), DocumentType: &d.Type, SchemaVersion: &info.SchemaVersion, LatestVersion: new(strconv.Itoa(d.Latest().Number)),
		DefaultVersion: new(strconv.Itoa(d.DefaultVersion)), DocumentFormat: &v.Format, TargetType: filled(d.TargetType), Tags: tagList(d.Tags),
		Parameters: []model.DocumentParameter{},
	}
	for _, name := range info.Order() {
		p := info.Parameters[name]
		out.Parameters = append(out.Parameters, model.DocumentParameter{Name: new(name), Type: new(p.Type), Description: filled(p.Description), DefaultValue: p.DefaultText()})
	}
	return out
}

// platforms are what a document runs on.
func platforms(kind string, c ssm.Content) []string {
	if kind == ssm.TypeCommand && !c.Windows() {
		return []string{"Linux", "MacOS"}
	}
	return []string{"Windows", "Linux", "MacOS"}
}

func (a *API) describeDocumentPermission(_ context.Context, call *protocol.Call, in *model.DescribeDocumentPermissionRequest) (*model.DescribeDocumentPermissionResponse, error) {
	d, err := ssm.FindDocument(a.engine.Snapshot(), call.Caller.Scope, val(in.Name))
	if err == nil && d.Builtin {
		err = cloud.Errorf(cloud.KindForbidden, "document", "AccessDeniedException", "The document %s is Amazon's.", d.Name)
	}
	// Documents are not shared here.
	return &model.DescribeDocumentPermissionResponse{AccountIds: []string{}, AccountSharingInfoList: []model.AccountSharingInfo{}}, err
}

const documentsPage = 50

func (a *API) listDocuments(_ context.Context, call *protocol.Call, in *model.ListDocumentsRequest) (*model.ListDocumentsResult, error) {
	all := ssm.ListDocuments(a.engine.Snapshot(), call.Caller.Scope)
	filters := in.Filters
	for _, f := range in.DocumentFilterList {
		filters = append(filters, model.DocumentKeyValuesFilter{Key: f.Key, Values: []string{val(f.Value)}})
	}
	for _, f := range filters {
		keep, err := documentFilter(val(f.Key), f.Values)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(d ssm.Document) bool { return !keep(d) })
	}
	list, next, err := page(all, in.NextToken, in.MaxResults, documentsPage, func(d ssm.Document) string { return d.Name })
	if err != nil {
		return nil, err
	}
	out := &model.ListDocumentsResult{DocumentIdentifiers: []model.DocumentIdentifier{}, NextToken: next}
	for _, d := range list {
		v, err := d.Version("")
		if err != nil {
			return nil, err
		}
		info := v.Info()
		out.DocumentIdentifiers = append(out.DocumentIdentifiers, model.DocumentIdentifier{
			Name: new(d.Name), CreatedDate: moment(d.CreatedAt), DisplayName: filled(d.DisplayName), Owner: new(d.Owner()), PlatformTypes: platforms(d.Type, info),
			DocumentVersion: new(strconv.Itoa(v.Number)), DocumentType: new(d.Type), SchemaVersion: new(info.SchemaVersion), DocumentFormat: new(v.Format),
			TargetType: filled(d.TargetType), Tags: tagList(d.Tags),
		})
	}
	return out, nil
}

func documentFilter(key string, values []string) (func(ssm.Document) bool, error) {
	is := func(of func(ssm.Document) string) func(ssm.Document) bool {
		return func(d ssm.Document) bool { return slices.Contains(values, of(d)) }
	}
	switch key {
	case "Name":
		return func(d ssm.Document) bool {
			return slices.ContainsFunc(values, func(v string) bool { return strings.HasPrefix(d.Name, v) })
		}, nil
	case "Owner":
		return func(d ssm.Document) bool {
			return slices.ContainsFunc(values, func(v string) bool {
				return v == "All" || v == d.Owner() || v == "Self" && !d.Builtin || v == "Public" && d.Builtin
			})
		}, nil
	case "DocumentType":
		return is(func(d ssm.Document) string { return d.Type }), nil
	case "TargetType":
		return is(func(d ssm.Document) string { return d.TargetType }), nil
	case "PlatformTypes":
		return func(d ssm.Document) bool {
			v := d.Latest()
			runs := platforms(d.Type, v.Info())
			return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(runs, v) })
		}, nil
	}
	if tag, ok := strings.CutPrefix(key, "tag:"); ok {
		return func(d ssm.Document) bool {
			v, has := d.Tags[tag]
			return has && slices.Contains(values, v)
		}, nil
	}
	return nil, invalidKey(key)
}

func (a *API) listDocumentVersions(_ context.Context, call *protocol.Call, in *model.ListDocumentVersionsRequest) (*model.ListDocumentVersionsResult, error) {
	d, err := ssm.FindDocument(a.engine.Snapshot(), call.Caller.Scope, val(in.Name))
	if err != nil {
		return nil, err
	}
	all := slices.Clone(d.Versions)
	slices.Reverse(all)
	list, next, err := page(all, in.NextToken, in.MaxResults, documentsPage, func(v ssm.DocumentVersion) string { return strconv.Itoa(v.Number) })
	if err != nil {
		return nil, err
	}
	out := &model.ListDocumentVersionsResult{NextToken: next}
	for _, v := range list {
		out.DocumentVersions = append(out.DocumentVersions, model.DocumentVersionInfo{
			Name: &d.Name, DisplayName: filled(v.DisplayName), DocumentVersion: new(strconv.Itoa(v.Number)), CreatedDate: moment(v.CreatedAt),
			IsDefaultVersion: new(v.Number == d.DefaultVersion), DocumentFormat: new(v.Format), Status: new("Active"),
		})
	}
	return out, nil
}

func tagMap(list []model.Tag) cloud.Tags {
	tags := cloud.Tags{}
	for _, t := range list {
		tags[val(t.Key)] = val(t.Value)
	}
	return tags
}

func tagList(tags cloud.Tags) []model.Tag {
	list := []model.Tag{}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, model.Tag{Key: new(k), Value: new(tags[k])})
	}
	return list
}
