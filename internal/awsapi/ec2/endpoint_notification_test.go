package ec2

import (
	"testing"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/sns"
)

func TestConnectionNotificationHandlers(t *testing.T) {
	x := newEndpointTest(t)
	p, s := x.provider, x.service
	topic := apply(p, p.call.Caller, sns.CreateTopic{Name: "events"})
	fails(p, "InvalidConnectionNotification", p.createConnectionNotification, model.CreateVpcEndpointConnectionNotificationRequest{
		ServiceId: s.ServiceId, ConnectionNotificationArn: new("arn:aws:sns:x"), ConnectionEvents: []string{"Accept"}})
	made := ok(p, p.createConnectionNotification, model.CreateVpcEndpointConnectionNotificationRequest{ServiceId: s.ServiceId,
		ConnectionNotificationArn: &topic.ARN, ConnectionEvents: []string{"Accept", "Reject"}, ClientToken: new("once")})
	n := made.ConnectionNotification
	if *made.ClientToken != "once" || *n.ConnectionNotificationType != "Topic" || *n.ConnectionNotificationState != "Enabled" || len(n.ConnectionEvents) != 2 || n.VpcEndpointId != nil {
		t.Errorf("notification %+v", n)
	}
	ok(p, p.modifyConnectionNotification, model.ModifyVpcEndpointConnectionNotificationRequest{ConnectionNotificationId: n.ConnectionNotificationId, ConnectionEvents: []string{"Delete"}})
	list := ok(p, p.describeConnectionNotifications, model.DescribeVpcEndpointConnectionNotificationsRequest{Filters: where("service-id", *s.ServiceId)})
	if len(list.ConnectionNotificationSet) != 1 || list.ConnectionNotificationSet[0].ConnectionEvents[0] != "Delete" {
		t.Errorf("notifications %+v", list)
	}
	fails(x.consumer, "InvalidConnectionNotification", x.consumer.describeConnectionNotifications,
		model.DescribeVpcEndpointConnectionNotificationsRequest{ConnectionNotificationId: n.ConnectionNotificationId})
	gone := ok(p, p.deleteConnectionNotifications, model.DeleteVpcEndpointConnectionNotificationsRequest{ConnectionNotificationIds: []string{*n.ConnectionNotificationId, "vpce-nfn-0"}})
	if len(gone.Unsuccessful) != 1 || *gone.Unsuccessful[0].Error.Code != "InvalidConnectionNotification" {
		t.Errorf("unsuccessful %+v", gone)
	}
}

func TestPrivateNameHandlers(t *testing.T) {
	x := newEndpointTest(t)
	p, c, s := x.provider, x.consumer, x.service
	ok(p, p.modifyEndpointService, model.ModifyVpcEndpointServiceConfigurationRequest{ServiceId: s.ServiceId, PrivateDnsName: new("api.example.com"),
		AddSupportedRegions: []string{"us-east-1"}})
	ok(p, p.startPrivateDNSVerification, model.StartVpcEndpointServicePrivateDnsVerificationRequest{ServiceId: s.ServiceId})
	got := ok(p, p.describeEndpointServiceConfigurations, model.DescribeVpcEndpointServiceConfigurationsRequest{ServiceIds: []string{*s.ServiceId}}).ServiceConfigurations[0]
	if d := got.PrivateDnsNameConfiguration; *got.PrivateDnsName != "api.example.com" || *d.State != "pendingVerification" || *d.Type != "TXT" ||
		!*got.RemoteAccessEnabled || len(got.SupportedRegions) != 2 {
		t.Errorf("service %+v", got)
	}
	ok(p, p.modifyEndpointServicePermissions, model.ModifyVpcEndpointServicePermissionsRequest{ServiceId: s.ServiceId, AddAllowedPrincipals: []string{"*"}})
	fails(p, "InvalidFilter", p.describeEndpointServicePermissions, model.DescribeVpcEndpointServicePermissionsRequest{ServiceId: s.ServiceId,
		Filters: where("principal", "arn:aws:iam::444455556666:root")})
	d := ok(c, c.describeEndpointServices, model.DescribeVpcEndpointServicesRequest{ServiceNames: []string{*s.ServiceName}}).ServiceDetails[0]
	if *d.PrivateDnsNameVerificationState != "pendingVerification" || *d.PrivateDnsNames[0].PrivateDnsName != "api.example.com" {
		t.Errorf("the consumer sees %+v", d)
	}
	fails(c, "InvalidParameterValue", c.describeEndpointServices, model.DescribeVpcEndpointServicesRequest{ServiceRegions: []string{"moon"}})
	c.call.Caller.Region = "us-east-1"
	if far := ok(c, c.describeEndpointServices, model.DescribeVpcEndpointServicesRequest{ServiceRegions: []string{"ap-northeast-1"}}); len(far.ServiceDetails) != 1 {
		t.Errorf("from another region %+v", far)
	}
	ok(p, p.modifyEndpointService, model.ModifyVpcEndpointServiceConfigurationRequest{ServiceId: s.ServiceId, RemovePrivateDnsName: new(true)})
}

func TestDepartedConnectionIsSeen(t *testing.T) {
	x := newEndpointTest(t)
	p, c, s := x.provider, x.consumer, x.service
	ok(p, p.modifyEndpointServicePermissions, model.ModifyVpcEndpointServicePermissionsRequest{ServiceId: s.ServiceId, AddAllowedPrincipals: []string{"*"}})
	e := ok(c, c.createVpcEndpoint, x.request).VpcEndpoint
	connection := ok(p, p.describeEndpointConnections, model.DescribeVpcEndpointConnectionsRequest{}).VpcEndpointConnections[0]
	tags := []model.Tag{{Key: new("a"), Value: new("b")}}
	ok(p, p.createTags, model.CreateTagsRequest{Resources: []string{*connection.VpcEndpointConnectionId}, Tags: tags})
	fails(c, "InvalidVpcEndpointConnectionId.NotFound", c.createTags, model.CreateTagsRequest{Resources: []string{*connection.VpcEndpointConnectionId}, Tags: tags})
	ok(c, c.deleteVpcEndpoints, model.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{*e.VpcEndpointId}})
	apply(p, cloud.Caller{Internal: true}, privatelink.ReportDeleted{ID: *e.VpcEndpointId})
	got := ok(p, p.describeEndpointConnections, model.DescribeVpcEndpointConnectionsRequest{Filters: where("tag:a", "b")})
	if len(got.VpcEndpointConnections) != 1 || *got.VpcEndpointConnections[0].VpcEndpointState != "deleted" {
		t.Errorf("connections %+v", got)
	}
}
