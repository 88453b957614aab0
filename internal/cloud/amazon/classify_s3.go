package amazon

import (
	"slices"
	"strings"
)

// classifyS3 tells the action of a request of s3 by its method, its bucket and key,
// and what the query string asks for.
func (q Request) classifyS3() (action string, resources []string) {
	bucket, key := q.Bucket()
	switch {
	case dotted(q.Path) || q.named() > 1:
		return "s3:*", nil // what a program outside makes of it, nobody here knows
	case bucket == "":
		if q.Method == "GET" || q.Method == "HEAD" {
			return "s3:ListAllMyBuckets", nil
		}
		return "s3:*", nil
	case key == "" && q.Method == "POST" && q.Query.Has("delete"):
		// Which objects, its body says.
		return "s3:DeleteObject", []string{"arn:aws:s3:::" + bucket + "/*"}
	case key == "":
		return "s3:" + q.bucketAction(), []string{"arn:aws:s3:::" + bucket}
	}
	return "s3:" + q.objectAction(), []string{"arn:aws:s3:::" + bucket + "/" + key}
}

// dotted tells whether a path has parts that some programs take for directories.
func dotted(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(part string) bool { return part == "." || part == ".." })
}

// named is how many parts of a bucket or an object a query string names.
func (q Request) named() (n int) {
	for name := range subresources() {
		if q.Query.Has(name) {
			n++
		}
	}
	for _, name := range []string{"uploads", "versions", "delete", "uploadId", "retention", "legal-hold", "restore", "attributes", "select", "torrent"} {
		if q.Query.Has(name) {
			n++
		}
	}
	return n
}

// Source is the object that a request of s3 copies, as an ARN; empty if it copies
// none.
func (q Request) Source() string {
	path := strings.TrimPrefix(q.Copy, "/")
	path, _, _ = strings.Cut(path, "?versionId=")
	if q.Name != "s3" || path == "" {
		return ""
	}
	return "arn:aws:s3:::" + path
}

// Bucket is the bucket of a request of s3, and its key: from the host's name, else
// from the path.
func (q Request) Bucket() (bucket, key string) {
	path := strings.TrimPrefix(q.Path, "/")
	under := q.Under
	if q.Private {
		// bucket.vpce-… is for paths, name.bucket.vpce-… names a bucket.
		under = strings.TrimSuffix(strings.TrimSuffix(under, "bucket"), ".")
	}
	if under != "" {
		return under, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

// subresources are the parts of a bucket that a query string names, by what the
// actions call them.
func subresources() map[string]string {
	return map[string]string{
		"acl": "BucketAcl", "policy": "BucketPolicy", "policyStatus": "BucketPolicyStatus", "versioning": "BucketVersioning", "location": "BucketLocation",
		"cors": "BucketCORS", "tagging": "BucketTagging", "website": "BucketWebsite", "logging": "BucketLogging",
		"notification": "BucketNotification", "requestPayment": "BucketRequestPayment", "encryption": "EncryptionConfiguration",
		"lifecycle": "LifecycleConfiguration", "replication": "ReplicationConfiguration", "accelerate": "AccelerateConfiguration",
		"publicAccessBlock": "BucketPublicAccessBlock", "ownershipControls": "BucketOwnershipControls", "object-lock": "BucketObjectLockConfiguration",
		"analytics": "AnalyticsConfiguration", "inventory": "InventoryConfiguration", "metrics": "MetricsConfiguration",
		"intelligent-tiering": "IntelligentTieringConfiguration",
	}
}

func (q Request) bucketAction() string {
	switch {
	case q.Query.Has("uploads"):
		return "ListBucketMultipartUploads"
	case q.Query.Has("versions"):
		return "ListBucketVersions"
	}
	for name, what := range subresources() {
		if q.Query.Has(name) {
			return q.onSubresource(what)
		}
	}
	switch q.Method {
	case "PUT":
		return "CreateBucket"
	case "DELETE":
		return "DeleteBucket"
	case "GET", "HEAD":
		return "ListBucket"
	case "POST":
		return "PutObject" // of a form
	}
	return "*"
}

func (q Request) onSubresource(what string) string {
	switch {
	case q.Method == "GET":
		return "Get" + what
	case q.Method == "DELETE" && slices.Contains([]string{"BucketPolicy", "BucketWebsite"}, what):
		return "Delete" + what
	case q.Method == "PUT" || q.Method == "DELETE":
		return "Put" + what
	}
	return "*"
}

func (q Request) objectAction() string {
	version := ""
	if q.Query.Has("versionId") {
		version = "Version"
	}
	for name, what := range map[string]string{"acl": "Acl", "tagging": "Tagging"} {
		if !q.Query.Has(name) {
			continue
		}
		switch q.Method {
		case "GET":
			return "GetObject" + version + what
		case "PUT":
			return "PutObject" + version + what
		case "DELETE":
			return "DeleteObject" + version + what
		}
	}
	for name, what := range map[string]string{"retention": "ObjectRetention", "legal-hold": "ObjectLegalHold"} {
		if q.Query.Has(name) {
			return q.onSubresource(what)
		}
	}
	switch {
	case q.Query.Has("restore") && q.Method == "POST":
		return "RestoreObject"
	case q.Query.Has("attributes"):
		return "GetObject" + version + "Attributes"
	case q.Query.Has("uploadId") && q.Method == "GET":
		return "ListMultipartUploadParts"
	case q.Query.Has("uploadId") && q.Method == "DELETE":
		return "AbortMultipartUpload"
	case q.Query.Has("select"):
		return "GetObject"
	case q.Query.Has("torrent"):
		return "GetObjectTorrent"
	}
	switch q.Method {
	case "GET", "HEAD":
		return "GetObject" + version
	case "PUT", "POST":
		return "PutObject"
	case "DELETE":
		return "DeleteObject" + version
	}
	return "*"
}
