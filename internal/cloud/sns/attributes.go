package sns

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// maxDisplayName is AWS's limit in characters.
const maxDisplayName = 100

// set sets one attribute. What there is nothing for here (encryption, delivery
// feedback, FIFO, tracing) can only be set to what switches it off.
func (t *Topic) set(name, value string) error {
	switch name {
	case "Policy":
		if _, err := parsePolicy(value); value != "" && err != nil {
			return invalid("Policy Error: null")
		}
	case "DisplayName":
		if len(value) > maxDisplayName {
			return invalid("DisplayName Reason: must be at most %d characters", maxDisplayName)
		}
	case "DeliveryPolicy":
		if value != "" && !json.Valid([]byte(value)) {
			return invalid("DeliveryPolicy: failed to parse JSON")
		}
	case "SignatureVersion":
		if value != "" && value != "1" {
			return notServed("SignatureVersion Reason: version %s", value)
		}
	case "TracingConfig":
		if value != "" && value != "PassThrough" {
			return notServed("TracingConfig Reason: %s", value)
		}
	default:
		if !unserved(name) {
			return invalid("AttributeName")
		}
		if value != "" && value != "0" && value != "false" {
			return notServed("%s Reason: the attribute", name)
		}
		return nil
	}
	if value == "" {
		delete(t.Attributes, name)
		return nil
	}
	if t.Attributes == nil {
		t.Attributes = map[string]string{}
	}
	t.Attributes[name] = value
	return nil
}

// unserved are the attributes of features that do not exist here.
func unserved(name string) bool {
	switch name {
	case "KmsMasterKeyId", "FifoTopic", "ContentBasedDeduplication", "ArchivePolicy", "FifoThroughputScope":
		return true
	}
	for _, protocol := range []string{"Application", "Firehose", "HTTP", "Lambda", "SQS"} {
		switch strings.TrimPrefix(name, protocol) {
		case "SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn":
			return true
		}
	}
	return false
}

// View is what GetTopicAttributes answers.
func (t *Topic) View() map[string]string {
	v := map[string]string{"TopicArn": t.ARN, "Owner": t.Account, "DisplayName": "", "Policy": DefaultPolicy(t.ARN, t.Account),
		"SubscriptionsConfirmed": "0", "SubscriptionsPending": "0", "SubscriptionsDeleted": "0",
		"EffectiveDeliveryPolicy": defaultDelivery}
	maps.Copy(v, t.Attributes)
	if p := t.Attributes["DeliveryPolicy"]; p != "" {
		v["EffectiveDeliveryPolicy"] = p
	}
	return v
}

const defaultDelivery = `{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,` +
	`"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"disableSubscriptionOverrides":false,` +
	`"defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}}}`

// policyOf is a topic's policy: the default one lets only its account in.
func policyOf(t Topic) string {
	if p := t.Attributes["Policy"]; p != "" {
		return p
	}
	return DefaultPolicy(t.ARN, t.Account)
}

// List returns a scope's topics.
func List(r cloud.Reader, s cloud.Scope) []Topic {
	var out []Topic
	for t := range Topics.By(r, ByScope, s.Key()) {
		out = append(out, t)
	}
	return out
}
