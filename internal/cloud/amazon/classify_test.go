package amazon

import (
	"net/url"
	"strings"
	"testing"
)

func TestClassify(t *testing.T) {
	for name, c := range map[string]struct{ host, method, target, form, body, want string }{
		"list buckets":  {"s3.eu-west-1.amazonaws.com", "GET /", "", "", "", "s3:ListAllMyBuckets"},
		"list":          {"s3.eu-west-1.amazonaws.com", "GET /b?list-type=2", "", "", "", "s3:ListBucket arn:aws:s3:::b"},
		"list, virtual": {"b.c.s3.eu-west-1.amazonaws.com", "GET /", "", "", "", "s3:ListBucket arn:aws:s3:::b.c"},
		"get":           {"b.s3.eu-west-1.amazonaws.com", "GET /k/x", "", "", "", "s3:GetObject arn:aws:s3:::b/k/x"},
		"get, endpoint": {"bucket.vpce-1-a.s3.eu-west-1.vpce.amazonaws.com", "GET /b/k", "", "", "", "s3:GetObject arn:aws:s3:::b/k"},
		"get, both":     {"b.bucket.vpce-1-a.s3.eu-west-1.vpce.amazonaws.com", "GET /k", "", "", "", "s3:GetObject arn:aws:s3:::b/k"},
		"get, version":  {"b.s3.amazonaws.com", "GET /k?versionId=1", "", "", "", "s3:GetObjectVersion arn:aws:s3:::b/k"},
		"head":          {"b.s3.amazonaws.com", "HEAD /k", "", "", "", "s3:GetObject arn:aws:s3:::b/k"},
		"put":           {"b.s3.amazonaws.com", "PUT /k", "", "", "", "s3:PutObject arn:aws:s3:::b/k"},
		"multipart":     {"b.s3.amazonaws.com", "POST /k?uploads", "", "", "", "s3:PutObject arn:aws:s3:::b/k"},
		"part":          {"b.s3.amazonaws.com", "PUT /k?uploadId=1&partNumber=2", "", "", "", "s3:PutObject arn:aws:s3:::b/k"},
		"abort":         {"b.s3.amazonaws.com", "DELETE /k?uploadId=1", "", "", "", "s3:AbortMultipartUpload arn:aws:s3:::b/k"},
		"tagging":       {"b.s3.amazonaws.com", "PUT /k?tagging", "", "", "", "s3:PutObjectTagging arn:aws:s3:::b/k"},
		"create":        {"s3.amazonaws.com", "PUT /b", "", "", "", "s3:CreateBucket arn:aws:s3:::b"},
		"delete":        {"s3.amazonaws.com", "DELETE /b", "", "", "", "s3:DeleteBucket arn:aws:s3:::b"},
		"delete many":   {"b.s3.amazonaws.com", "POST /?delete", "", "", "", "s3:DeleteObject arn:aws:s3:::b/*"},
		"policy":        {"b.s3.amazonaws.com", "PUT /?policy", "", "", "", "s3:PutBucketPolicy arn:aws:s3:::b"},
		"lifecycle":     {"b.s3.amazonaws.com", "GET /?lifecycle", "", "", "", "s3:GetLifecycleConfiguration arn:aws:s3:::b"},
		"dynamodb":      {"dynamodb.eu-west-1.amazonaws.com", "POST /", "DynamoDB_20120810.GetItem", "", `{"TableName":"t"}`, "dynamodb:GetItem arn:aws:dynamodb:eu-west-1:1:table/t"},
		"dynamodb many": {"dynamodb.eu-west-1.amazonaws.com", "POST /", "DynamoDB_20120810.BatchGetItem", "", `{"RequestItems":{"u":{},"t":{}}}`, "dynamodb:BatchGetItem arn:aws:dynamodb:eu-west-1:1:table/t arn:aws:dynamodb:eu-west-1:1:table/u"},
		"logs":          {"logs.eu-west-1.amazonaws.com", "POST /", "Logs_20140328.PutLogEvents", "", `{"logGroupName":"g"}`, "logs:PutLogEvents arn:aws:logs:eu-west-1:1:log-group:g:*"},
		"sqs":           {"sqs.eu-west-1.amazonaws.com", "POST /", "", "Action=SendMessage&QueueUrl=https://sqs/1/q", "", "sqs:SendMessage arn:aws:sqs:eu-west-1:1:q"},
		"monitoring":    {"monitoring.eu-west-1.amazonaws.com", "POST /", "", "Action=PutMetricData", "", "cloudwatch:PutMetricData"},
		"rpc":           {"monitoring.eu-west-1.amazonaws.com", "POST /service/GraniteServiceVersion20100801/operation/PutMetricData", "", "", "", "cloudwatch:PutMetricData"},
		"lambda":        {"lambda.eu-west-1.amazonaws.com", "POST /2015-03-31/functions/f/invocations", "", "", "", "lambda:InvokeFunction arn:aws:lambda:eu-west-1:1:function:f"},
		"two at once":   {"b.s3.amazonaws.com", "GET /?tagging&policy", "", "", "", "s3:*"},
		"dots":          {"s3.amazonaws.com", "GET /mine/../other/k", "", "", "", "s3:*"},
		"dots in a key": {"s3.amazonaws.com", "GET /b/.k/..x/k..", "", "", "", "s3:GetObject arn:aws:s3:::b/.k/..x/k.."},
		"two actions":   {"monitoring.eu-west-1.amazonaws.com", "POST /", "X.GetMetricData", "Action=DeleteAlarms", "", "cloudwatch:*"},
		"two values":    {"sqs.eu-west-1.amazonaws.com", "POST /", "", "Action=SendMessage&Action=DeleteQueue", "", "sqs:*"},
		"space":         {"dynamodb.eu-west-1.amazonaws.com", "POST /", "DynamoDB_20120810.GetItem", "TableName=mine", ` {"TableName":"t"}`, "dynamodb:GetItem arn:aws:dynamodb:eu-west-1:1:table/t"},
		"no body":       {"dynamodb.eu-west-1.amazonaws.com", "POST /", "DynamoDB_20120810.GetItem", "TableName=mine", "x", "dynamodb:GetItem"},
		"not known":     {"eks.eu-west-1.amazonaws.com", "GET /clusters", "", "", "", "eks:*"},
	} {
		p, ok := Find(c.host)
		if !ok {
			t.Errorf("%s: nothing is called %s", name, c.host)
			continue
		}
		method, uri, _ := strings.Cut(c.method, " ")
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		form, err := url.ParseQuery(c.form)
		if err != nil {
			t.Fatal(err)
		}
		action, resources := Request{Place: p, Account: "1", Method: method, Path: u.Path, Query: u.Query(), Params: form, Target: c.target, Body: []byte(c.body)}.Classify()
		if got := strings.Join(append([]string{action}, resources...), " "); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	p, _ := Find("b.s3.amazonaws.com")
	if w := (Request{Place: p, Method: "PUT", Path: "/k", Copy: "/other/x?versionId=3"}).Wants(); len(w) != 2 || w[1].Action != "s3:GetObject" || w[1].Resources[0] != "arn:aws:s3:::other/x" {
		t.Errorf("copy: %+v", w)
	}
	if w := (Request{Place: p, Method: "PUT", Path: "/k", Copy: "/mine/../other/x"}).Wants(); len(w) != 2 || w[1].Action != "s3:*" {
		t.Errorf("copy with dots: %+v", w)
	}
}
