// Package route53 is the adapter of Amazon Route 53: it turns wire structures
// into the commands of cloud/dns and records into views.
//
// It may import internal/cloud and cloud/dns, internal/engine (Runner, Do),
// awsapi/protocol and awsapi/model/route53.
package route53

import (
	"context"
	"errors"
	"strconv"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/route53"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/engine"
)

// API serves Route 53.
type API struct{ engine engine.Runner }

// New makes the adapter.
func New(e engine.Runner) *API { return &API{engine: e} }

// Service describes what is served.
func (a *API) Service() protocol.Service {
	return protocol.Service{Model: model.Model(), Operations: []protocol.Operation{
		protocol.Op("CreateHostedZone", a.createHostedZone),
		protocol.Op("GetHostedZone", a.getHostedZone),
		protocol.Op("DeleteHostedZone", a.deleteHostedZone),
		protocol.Op("UpdateHostedZoneComment", a.updateHostedZoneComment),
		protocol.Op("ListHostedZones", a.listHostedZones),
		protocol.Op("ListHostedZonesByName", a.listHostedZonesByName),
		protocol.Op("ListHostedZonesByVPC", a.listHostedZonesByVPC),
		protocol.Op("GetHostedZoneCount", a.getHostedZoneCount),
		protocol.Op("AssociateVPCWithHostedZone", a.associateVPC),
		protocol.Op("DisassociateVPCFromHostedZone", a.disassociateVPC),
		protocol.Op("ChangeResourceRecordSets", a.changeResourceRecordSets),
		protocol.Op("ListResourceRecordSets", a.listResourceRecordSets),
		protocol.Op("GetChange", a.getChange),
		protocol.Op("GetDNSSEC", a.getDNSSEC),
		protocol.Op("CreateVPCAssociationAuthorization", a.createVPCAssociationAuthorization),
		protocol.Op("DeleteVPCAssociationAuthorization", a.deleteVPCAssociationAuthorization),
		protocol.Op("ListVPCAssociationAuthorizations", a.listVPCAssociationAuthorizations),
		protocol.Op("CreateHealthCheck", a.createHealthCheck),
		protocol.Op("GetHealthCheck", a.getHealthCheck),
		protocol.Op("ListHealthChecks", a.listHealthChecks),
		protocol.Op("UpdateHealthCheck", a.updateHealthCheck),
		protocol.Op("DeleteHealthCheck", a.deleteHealthCheck),
		protocol.Op("GetHealthCheckStatus", a.getHealthCheckStatus),
		protocol.Op("GetHealthCheckLastFailureReason", a.getHealthCheckLastFailureReason),
		protocol.Op("GetHealthCheckCount", a.getHealthCheckCount),
		protocol.Op("GetCheckerIpRanges", a.getCheckerIPRanges),
		protocol.Op("ListTagsForResource", a.listTagsForResource),
		protocol.Op("ListTagsForResources", a.listTagsForResources),
		protocol.Op("ChangeTagsForResource", a.changeTagsForResource),
	}}
}

// do runs a command. A refused batch tells everything that is wrong with it.
func do[R any](ctx context.Context, a *API, call *protocol.Call, c cloud.Command[R]) (R, error) {
	r, err := engine.Do(ctx, a.engine, call.Caller, c)
	if batch, ok := errors.AsType[*dns.BatchError](err); ok {
		return r, &protocol.Error{Code: "InvalidChangeBatch", Message: "[" + strings.Join(batch.Messages, ", ") + "]"}
	}
	return r, err
}

// zoneID is the id of a zone as records have it: requests may say
// /hostedzone/Z1 for Z1.
func zoneID(p *string) string { return bare(p, "hostedzone") }

// bare strips an id of its /kind/ prefix.
func bare(p *string, kind string) string {
	if p == nil {
		return ""
	}
	return strings.TrimPrefix(strings.TrimPrefix(*p, "/"), kind+"/")
}

// value is *p, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// limit reads maxitems, of which a list gives at most most.
func limit(maxItems *string, most int) (int, error) {
	if maxItems == nil || *maxItems == "" {
		return most, nil
	}
	n, err := strconv.Atoi(*maxItems)
	if err != nil || n < 1 {
		return 0, &protocol.Error{Code: "InvalidInput", Message: "Value '" + *maxItems + "' at 'maxItems' failed to satisfy constraint: Member must be a positive number"}
	}
	return min(n, most), nil
}
