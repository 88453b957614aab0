package compute

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// RunInstances launches between MinCount and MaxCount equal instances.
type RunInstances struct {
	ImageID, InstanceType string
	MinCount, MaxCount    int
	// HostArchitecture is what can run here: x86_64 or arm64.
	HostArchitecture string
	// Zone is the wanted availability zone; empty leaves it to the subnet.
	Zone string
	// Interfaces has at least one entry, with device index 0.
	Interfaces []LaunchInterface
	Volumes    []LaunchVolume
	// Omit are devices of the image that the instance is not to have.
	Omit     []string `json:",omitempty"`
	KeyName  string
	UserData []byte
	// ProfileName or ProfileARN names the instance profile, if any.
	ProfileName, ProfileARN string

	DisableAPITermination, DisableAPIStop bool
	ShutdownBehavior                      string // default: stop
	Monitoring, EBSOptimized              bool
	Credits                               string
	AutoRecovery                          string // default, disabled
	CPUCores, CPUThreads                  int
	Metadata                              MetadataChange
	Names                                 NameOptions
	InstanceTags, VolumeTags              cloud.Tags
	InterfaceTags                         cloud.Tags
	ClientToken                           string
}

// LaunchInterface is an interface that an instance is launched with: an
// existing one (InterfaceID), or one to make.
type LaunchInterface struct {
	DeviceIndex    int
	InterfaceID    string
	SubnetID       string // empty: a default subnet
	Description    string
	GroupIDs       []string
	PrivateIPs     []netip.Addr
	SecondaryIPs   []netip.Addr
	SecondaryCount int
	IPv6s          []netip.Addr
	IPv6Count      int
	// PublicIP asks for a lent public address; nil leaves it to the subnet.
	PublicIP *bool
	// DeleteOnTermination is by default true for new and false for given ones.
	DeleteOnTermination *bool
}

// NameOptions say which names an instance has in the DNS; zero values leave it
// to the subnet.
type NameOptions struct {
	HostnameType        string // ip-name, resource-name
	ResourceNameDNSA    *bool
	ResourceNameDNSAAAA *bool
}

// launch is a checked request.
type launch struct {
	RunInstances
	image   Image
	kind    InstanceType
	profile profile
	hash    string
	primary vpc.Subnet
	subnets []vpc.Subnet // of each interface
}

// Apply returns the new instances, or those that the same client token made.
func (c RunInstances) Apply(tx *cloud.Tx) ([]Instance, error) {
	l := launch{RunInstances: c, hash: c.hash()}
	if again, err := l.repeated(tx); again != nil || err != nil {
		return again, err
	}
	if err := l.check(tx); err != nil {
		return nil, err
	}
	reservation := "r-" + tx.IDs.Hex(17)
	var out []Instance
	for n := range l.count() {
		i := l.instance(tx, reservation, n)
		if err := i.CheckTags(i.Tags); err != nil {
			return nil, err
		}
		if err := l.addInterfaces(tx, &i); err != nil {
			return nil, err
		}
		l.addVolumes(tx, &i)
		Instances.Put(tx, i)
		out = append(out, i)
	}
	launched(tx, l.image)
	return out, nil
}

// launched keeps when an image was last used.
func launched(tx *cloud.Tx, i Image) {
	if i, ok := StoredImages.Get(tx, i.ID); ok {
		i.LastLaunched = tx.Now
		StoredImages.Put(tx, i)
	}
}

// hash identifies the request among those with the same client token.
func (c RunInstances) hash() string {
	data, err := json.Marshal(c)
	if err != nil {
		panic("compute: launch request: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (l *launch) repeated(tx *cloud.Tx) ([]Instance, error) {
	if l.ClientToken == "" {
		return nil, nil
	}
	var out []Instance
	for i := range Instances.By(tx, "token", tx.Caller.Key()+"/"+l.ClientToken) {
		if i.RequestHash != l.hash {
			return nil, cloud.Errorf(cloud.KindConflict, "instance", "IdempotentParameterMismatch",
				"Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
		}
		out = append(out, i)
	}
	return out, nil
}

// count is MaxCount, or what the primary subnet has room for if that is at
// least MinCount.
func (l *launch) count() int {
	if free := l.primary.AvailableIPv4; l.Interfaces[0].InterfaceID == "" && !l.primary.IPv6Native && free >= l.MinCount {
		return min(l.MaxCount, free)
	}
	return l.MaxCount
}

func (l *launch) instance(tx *cloud.Tx, reservation string, n int) Instance {
	s := l.primary
	i := Instance{
		ID: "i-" + tx.IDs.Hex(17), Scope: tx.Caller.Scope, ReservationID: reservation, LaunchIndex: n,
		ImageID: l.image.ID, InstanceType: l.kind.Name, Architecture: l.image.Architecture, KeyName: l.KeyName,
		State: Pending, Boot: 1, VPCID: s.VPCID, SubnetID: s.ID, Zone: s.Zone, LaunchTime: tx.Now, UserData: l.UserData,
		DisableAPITermination: l.DisableAPITermination, DisableAPIStop: l.DisableAPIStop,
		ShutdownBehavior: l.ShutdownBehavior, Monitoring: l.Monitoring, EBSOptimized: l.EBSOptimized,
		SourceDestCheck: true, CreditSpecification: l.Credits, Tenancy: "default", AutoRecovery: l.AutoRecovery,
		RootDeviceName: l.image.RootDeviceName, RootImage: l.image.Digest, RootSnapshot: l.image.SnapshotDigest, CPUCores: l.CPUCores, CPUThreads: l.CPUThreads,
		Metadata: l.Metadata.over(defaultMetadata(l.image)), Tags: l.InstanceTags.Clone(),
		ClientToken: l.ClientToken, RequestHash: l.hash,
		HostnameType: s.HostnameType, ResourceNameDNSA: s.EnableResourceNameDNSA, ResourceNameDNSAAAA: s.EnableResourceNameDNSAAAA,
	}
	if l.profile.arn != "" {
		l.profile.set(tx, &i)
	}
	l.Names.apply(&i)
	return i
}
