package ec2

import (
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
)

// computeOperations are the operations of security groups, interfaces,
// instances, images, volumes and key pairs.
func (a *API) computeOperations() []protocol.Operation {
	return slices.Concat(a.securityGroupOperations(), a.interfaceOperations(), a.instanceOperations(), a.instanceStateOperations(),
		a.instanceAttributeOperations(), a.instanceTypeOperations(), a.profileOperations(), a.imageOperations(), a.snapshotOperations(), a.volumeOperations(),
		a.keyPairOperations(), a.launchTemplateOperations())
}

// resourceARN is the ARN of an EC2 resource.
func resourceARN(s cloud.Scope, kind, id string) string {
	return "arn:aws:ec2:" + s.Region + ":" + s.Account + ":" + kind + "/" + id
}

// intPointer makes a number of the wire one of the domain.
func intPointer(p *int64) *int {
	if p == nil {
		return nil
	}
	return new(int(*p))
}

func missingParameter(name string) error {
	return cloud.Errorf(cloud.KindMissing, "parameter", "MissingParameter", "The request must contain the parameter %s", name)
}

// badCombination refuses parameters that AWS refuses together.
func badCombination(message string) error {
	return cloud.Errorf(cloud.KindInvalid, "parameter", "InvalidParameterCombination", "%s", message)
}

// parseAddresses parses addresses of a request; v6 says of which family they
// must be.
func parseAddresses(parameter string, list []string, v6 bool) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, text := range list {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Is6() != v6 || a.Is4In6() || a.Zone() != "" {
			return nil, invalidValue(parameter, text, "Invalid IP address.")
		}
		out = append(out, a)
	}
	return out, nil
}
