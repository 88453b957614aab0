package ec2messages

import "github.com/musubi-net/musubi/internal/awsapi/model"

// table describes the service: no public API model does.
func table() model.Service {
	s := model.Service{Name: "ec2messages", Protocol: "json", Version: "2015-01-01", TargetPrefix: "EC2WindowsMessageDeliveryService"}
	for _, name := range []string{"AcknowledgeMessage", "DeleteMessage", "FailMessage", "GetEndpoint", "GetMessages", "SendReply"} {
		s.Operations = append(s.Operations, model.Operation{Name: name, Method: "POST", URI: "/", Status: 200, Input: name + "Input", Output: name + "Output"})
	}
	return s
}

// GetMessagesInput asks for messages.
type GetMessagesInput struct {
	Destination                *string `in:"Destination" must:"y"`
	MessagesRequestId          *string `in:"MessagesRequestId"`
	VisibilityTimeoutInSeconds *int64  `in:"VisibilityTimeoutInSeconds"`
}

// GetMessagesOutput is what there is.
type GetMessagesOutput struct {
	Destination       *string   `out:"Destination"`
	MessagesRequestId *string   `out:"MessagesRequestId"`
	Messages          []Message `out:"Messages"`
}

// Message is a message for an agent. Payload is a Job as JSON.
type Message struct {
	MessageId     *string `out:"MessageId"`
	Destination   *string `out:"Destination"`
	CreatedDate   *string `out:"CreatedDate"`
	Topic         *string `out:"Topic"`
	Payload       *string `out:"Payload"`
	PayloadDigest *string `out:"PayloadDigest"`
}

// AcknowledgeMessageInput says that an agent has a message.
type AcknowledgeMessageInput struct {
	MessageId *string `in:"MessageId" must:"y"`
}

// AcknowledgeMessageOutput is empty.
type AcknowledgeMessageOutput struct{}

// DeleteMessageInput says that an agent is done with a message.
type DeleteMessageInput struct {
	MessageId *string `in:"MessageId" must:"y"`
}

// DeleteMessageOutput is empty.
type DeleteMessageOutput struct{}

// FailMessageInput says that an agent can do nothing with a message.
type FailMessageInput struct {
	MessageId   *string `in:"MessageId" must:"y"`
	FailureType *string `in:"FailureType" enum:"InternalHandlerException,NoHandlerExists"`
}

// FailMessageOutput is empty.
type FailMessageOutput struct{}

// SendReplyInput is an agent's report. Payload is a Reply as JSON.
type SendReplyInput struct {
	MessageId *string `in:"MessageId" must:"y"`
	Payload   *string `in:"Payload" must:"y"`
	ReplyId   *string `in:"ReplyId"`
}

// SendReplyOutput is empty.
type SendReplyOutput struct{}

// GetEndpointInput asks where the service is.
type GetEndpointInput struct {
	Destination *string `in:"Destination"`
	Protocol    *string `in:"Protocol" enum:"ec2messages,ssmmessages"`
}

// GetEndpointOutput says it.
type GetEndpointOutput struct {
	Endpoint *Endpoint `out:"Endpoint"`
}

// Endpoint is where a service is.
type Endpoint struct {
	Protocol *string `out:"Protocol"`
	Endpoint *string `out:"Endpoint"`
}
