package ec2

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
)

func (a *API) connectionNotificationOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateVpcEndpointConnectionNotification", a.createConnectionNotification),
		protocol.Op("ModifyVpcEndpointConnectionNotification", a.modifyConnectionNotification),
		protocol.Op("DeleteVpcEndpointConnectionNotifications", a.deleteConnectionNotifications),
		protocol.Op("DescribeVpcEndpointConnectionNotifications", a.describeConnectionNotifications),
	}
}

func (a *API) createConnectionNotification(ctx context.Context, call *protocol.Call, in *model.CreateVpcEndpointConnectionNotificationRequest) (*model.CreateVpcEndpointConnectionNotificationResult, error) {
	n, err := do(ctx, a, call, privatelink.CreateNotification{ServiceID: val(in.ServiceId), EndpointID: val(in.VpcEndpointId),
		TopicARN: val(in.ConnectionNotificationArn), Events: in.ConnectionEvents, ClientToken: val(in.ClientToken)})
	if err != nil {
		return nil, err
	}
	v := connectionNotification(n)
	return &model.CreateVpcEndpointConnectionNotificationResult{ConnectionNotification: &v, ClientToken: in.ClientToken}, nil
}

func (a *API) modifyConnectionNotification(ctx context.Context, call *protocol.Call, in *model.ModifyVpcEndpointConnectionNotificationRequest) (*model.ModifyVpcEndpointConnectionNotificationResult, error) {
	_, err := do(ctx, a, call, privatelink.ModifyNotification{ID: val(in.ConnectionNotificationId), TopicARN: val(in.ConnectionNotificationArn),
		Events: in.ConnectionEvents})
	return &model.ModifyVpcEndpointConnectionNotificationResult{ReturnValue: new(true)}, err
}

func (a *API) deleteConnectionNotifications(ctx context.Context, call *protocol.Call, in *model.DeleteVpcEndpointConnectionNotificationsRequest) (*model.DeleteVpcEndpointConnectionNotificationsResult, error) {
	failed, err := do(ctx, a, call, privatelink.DeleteNotifications{IDs: in.ConnectionNotificationIds})
	return &model.DeleteVpcEndpointConnectionNotificationsResult{Unsuccessful: unsuccessful(failed)}, err
}

func (a *API) describeConnectionNotifications(_ context.Context, call *protocol.Call, in *model.DescribeVpcEndpointConnectionNotificationsRequest) (*model.DescribeVpcEndpointConnectionNotificationsResult, error) {
	type notification = privatelink.Notification
	l := listing[notification]{
		table: privatelink.Notifications, find: privatelink.FindNotification,
		scope: func(n notification) cloud.Scope { return n.Scope },
		key:   func(n notification) string { return n.ID },
		fields: filterFields[notification]{
			"connection-notification-arn":   one(func(n notification) string { return n.TopicARN }),
			"connection-notification-id":    one(func(n notification) string { return n.ID }),
			"connection-notification-state": one(func(n notification) string { return n.State }),
			"connection-notification-type":  one(func(notification) string { return "Topic" }),
			"service-id":                    one(func(n notification) string { return n.ServiceID }),
			"vpc-endpoint-id":               one(func(n notification) string { return n.EndpointID }),
		},
	}
	var ids []string
	if id := val(in.ConnectionNotificationId); id != "" {
		ids = []string{id}
	}
	list, next, err := l.page(a.engine.Snapshot(), call.Caller.Scope, ids, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeVpcEndpointConnectionNotificationsResult{NextToken: next}
	for _, n := range list {
		out.ConnectionNotificationSet = append(out.ConnectionNotificationSet, connectionNotification(n))
	}
	return out, nil
}

func connectionNotification(n privatelink.Notification) model.ConnectionNotification {
	return model.ConnectionNotification{ConnectionNotificationId: new(n.ID), ConnectionNotificationArn: new(n.TopicARN),
		ConnectionNotificationType: new("Topic"), ConnectionNotificationState: new(n.State), ConnectionEvents: n.Events,
		ServiceId: text(n.ServiceID), VpcEndpointId: text(n.EndpointID), ServiceRegion: text(n.Region)}
}
