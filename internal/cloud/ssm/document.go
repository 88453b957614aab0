package ssm

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/musubi-net/musubi/internal/cloud"
)

const (
	maxDocuments = 500
	maxVersions  = 1000
)

// Latest is the newest version.
func (d *Document) Latest() DocumentVersion { return d.Versions[len(d.Versions)-1] }

// Owner is the account, or Amazon.
func (d *Document) Owner() string {
	if d.Builtin {
		return "Amazon"
	}
	return d.Account
}

func noDocument(name string) *cloud.Error {
	e := absent("document", "InvalidDocument", "Document with name %s does not exist.", name)
	e.ID = name
	return e
}

// FindDocument finds a document by its name or ARN: the scope's, or Amazon's.
func FindDocument(r cloud.Reader, s cloud.Scope, name string) (Document, error) {
	short := name
	if rest, ok := strings.CutPrefix(name, "arn:aws:ssm:"); ok {
		prefix, n, _ := strings.Cut(rest, ":document/")
		if prefix != s.Region+":"+s.Account && prefix != s.Region+":" {
			return Document{}, noDocument(name)
		}
		short = n
	}
	if d, ok := Documents.Get(r, s.Key()+"/"+short); ok {
		return d, nil
	}
	all := builtins()
	if i := slices.IndexFunc(all, func(d Document) bool { return d.Name == short }); i >= 0 {
		return all[i], nil
	}
	if err := refusedDocument(short); err != nil {
		return Document{}, err
	}
	return Document{}, noDocument(name)
}

// Version finds a version by its number, $DEFAULT (which none means) or $LATEST.
func (d *Document) Version(version string) (DocumentVersion, error) {
	n := d.DefaultVersion
	switch version {
	case "", "$DEFAULT":
	case "$LATEST":
		return d.Latest(), nil
	default:
		var err error
		if n, err = strconv.Atoi(version); err != nil {
			n = 0
		}
	}
	for _, v := range d.Versions {
		if v.Number == n {
			return v, nil
		}
	}
	return DocumentVersion{}, absent("document", "InvalidDocumentVersion", "Document version %s does not exist for document %s.", version, d.Name)
}

// In returns a version's content in a format.
func (v *DocumentVersion) In(format string) (string, error) {
	if format == "" || format == v.Format {
		return v.Content, nil
	}
	data, err := asJSON(v.Format, v.Content)
	if err != nil {
		return "", err
	}
	if format == "JSON" {
		return string(data), nil
	}
	var node yaml.Node
	if err := yaml.Unmarshal(data, &node); err != nil {
		return "", badContent("%v", err)
	}
	block(&node)
	out, err := yaml.Marshal(&node)
	return string(out), err
}

// block makes YAML that was read from JSON look like YAML.
func block(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		block(c)
	}
}

// ListDocuments lists a scope's documents and Amazon's.
func ListDocuments(r cloud.Reader, s cloud.Scope) []Document {
	list := slices.Collect(Documents.By(r, ByScope, s.Key()))
	list = append(list, builtins()...)
	slices.SortFunc(list, func(x, y Document) int { return strings.Compare(x.Name, y.Name) })
	return list
}

// CreateDocument makes a document.
type CreateDocument struct {
	Name, Type, Format, Content string
	DisplayName, TargetType     string
	Tags                        cloud.Tags
}

// Apply makes it.
func (c CreateDocument) Apply(tx *cloud.Tx) (Document, error) {
	c.Type, c.Format = or(c.Type, TypeCommand), or(c.Format, "JSON")
	if err := c.check(tx); err != nil {
		return Document{}, err
	}
	content, err := Parse(c.Format, c.Content)
	if err == nil {
		err = content.check(c.Type)
	}
	if err != nil {
		return Document{}, err
	}
	tags, err := setTags(nil, c.Tags)
	if err != nil {
		return Document{}, err
	}
	d := Document{Name: c.Name, Scope: tx.Caller.Scope, Type: c.Type, TargetType: c.TargetType, DisplayName: c.DisplayName, DefaultVersion: 1, CreatedAt: tx.Now, Tags: tags,
		Versions: []DocumentVersion{{Number: 1, DisplayName: c.DisplayName, Format: c.Format, Content: c.Content, CreatedAt: tx.Now}}}
	Documents.Put(tx, d)
	return d, nil
}

func (c CreateDocument) check(tx *cloud.Tx) error {
	if c.Type != TypeCommand && c.Type != TypeSession {
		return invalid("InvalidDocumentContent", "The document type %s is not served by Musubi: use Command or Session.", c.Type)
	}
	if c.Format != "JSON" && c.Format != "YAML" {
		return badContent("The document format %s is for documents of other types: use JSON or YAML.", c.Format)
	}
	if low := strings.ToLower(c.Name); strings.HasPrefix(low, "aws") || strings.HasPrefix(low, "amazon") || strings.HasPrefix(low, "amzn") {
		return validation("Document name %s is not valid: it can not begin with aws, amazon or amzn.", c.Name)
	}
	if _, ok := Documents.Get(tx, tx.Caller.Key()+"/"+c.Name); ok {
		return cloud.Errorf(cloud.KindExists, "document", "DocumentAlreadyExists", "Document with same name %s already exists", c.Name)
	}
	if n := len(slices.Collect(Documents.By(tx, ByScope, tx.Caller.Key()))); n >= maxDocuments {
		return limit("DocumentLimitExceeded", "You can have at most %d documents.", maxDocuments)
	}
	return nil
}

// own finds a document that the caller may change.
func own(tx *cloud.Tx, name string) (Document, error) {
	d, err := FindDocument(tx, tx.Caller.Scope, name)
	if err == nil && d.Builtin {
		err = cloud.Errorf(cloud.KindForbidden, "document", "AccessDeniedException", "The document %s is Amazon's.", name)
	}
	return d, err
}

// UpdateDocument adds a version.
type UpdateDocument struct {
	Name, Content, Format, Version string
	DisplayName, TargetType        string
}

// Apply adds it.
func (c UpdateDocument) Apply(tx *cloud.Tx) (Document, error) {
	d, err := own(tx, c.Name)
	if err != nil {
		return d, err
	}
	latest := d.Latest()
	switch c.Version {
	case "$LATEST", strconv.Itoa(latest.Number):
	default:
		return d, invalid("InvalidDocumentVersion", "The document version is not valid or does not exist: an update is based on the latest version, %d.", latest.Number)
	}
	c.Format = or(c.Format, latest.Format)
	content, err := Parse(c.Format, c.Content)
	if err == nil {
		err = content.check(d.Type)
	}
	switch {
	case err != nil:
		return d, err
	case slices.ContainsFunc(d.Versions, func(v DocumentVersion) bool { return v.Content == c.Content && v.Format == c.Format }):
		return d, cloud.Errorf(cloud.KindExists, "document", "DuplicateDocumentContent", "The content of the association document matches another document. Change the content of the document and try again.")
	case len(d.Versions) >= maxVersions:
		return d, limit("DocumentVersionLimitExceeded", "The document has too many versions. Delete one or more document versions and try again.")
	}
	d.DisplayName, d.TargetType = or(c.DisplayName, d.DisplayName), or(c.TargetType, d.TargetType)
	d.Versions = append(slices.Clip(d.Versions), DocumentVersion{Number: latest.Number + 1, DisplayName: d.DisplayName, Format: c.Format, Content: c.Content, CreatedAt: tx.Now})
	Documents.Put(tx, d)
	return d, nil
}

// SetDefaultVersion chooses the version that is used if none is named.
type SetDefaultVersion struct{ Name, Version string }

// Apply chooses it.
func (c SetDefaultVersion) Apply(tx *cloud.Tx) (Document, error) {
	d, err := own(tx, c.Name)
	if err != nil {
		return d, err
	}
	v, err := d.Version(c.Version)
	if err != nil {
		return d, err
	}
	d.DefaultVersion = v.Number
	Documents.Put(tx, d)
	return d, nil
}

// DeleteDocument deletes a document with all its versions.
type DeleteDocument struct{ Name string }

// Apply deletes it.
func (c DeleteDocument) Apply(tx *cloud.Tx) (cloud.None, error) {
	d, err := own(tx, c.Name)
	if err == nil {
		Documents.Delete(tx, d.Key()+"/"+d.Name)
	}
	return cloud.None{}, err
}

// Info reads what a version says of itself.
func (v *DocumentVersion) Info() Content {
	c, err := Parse(v.Format, v.Content)
	if err != nil {
		return Content{}
	}
	return c
}

// DefaultText is a parameter's default as DescribeDocument shows it.
func (p DocParameter) DefaultText() *string {
	switch d := p.Default.(type) {
	case nil:
		return nil
	case []any:
		data, err := json.Marshal(d)
		if err != nil {
			return nil
		}
		return new(string(data))
	default:
		return new(text(d))
	}
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
