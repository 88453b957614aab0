// Package compute is the domain of EC2 instances, their images, volumes and
// key pairs.
//
// It may import internal/cloud, cloud/vpc and cloud/iam.
package compute

import (
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// InstanceState is an instance's state, as AWS spells it.
type InstanceState string

// The instance states.
const (
	Pending      InstanceState = "pending"
	Running      InstanceState = "running"
	ShuttingDown InstanceState = "shutting-down"
	Terminated   InstanceState = "terminated"
	Stopping     InstanceState = "stopping"
	Stopped      InstanceState = "stopped"
)

// Code is AWS's number for the state.
func (s InstanceState) Code() int {
	return map[InstanceState]int{Pending: 0, Running: 16, ShuttingDown: 32, Terminated: 48, Stopping: 64, Stopped: 80}[s]
}

// Instance is an EC2 instance. What runs is decided by State: pending and
// running want a guest; stopping, stopped, shutting-down and terminated want
// none. The reconciler reports pending->running, stopping->stopped and
// shutting-down->terminated when it is so.
type Instance struct {
	ID string
	cloud.Scope
	ReservationID string
	LaunchIndex   int
	ImageID       string
	InstanceType  string
	Architecture  string
	KeyName       string
	State         InstanceState
	// Boot counts starts and reboots: a guest of an older boot is replaced.
	Boot             uint32
	StateReasonCode  string
	StateReason      string
	TransitionReason string
	VPCID, SubnetID  string
	Zone             string
	PrivateDNSName   string
	LaunchTime       time.Time
	UserData         []byte
	// ProfileARN is the instance profile; ProfileID its AIPA… id.
	ProfileARN           string
	ProfileID            string
	ProfileAssociationID string

	DisableAPITermination bool
	DisableAPIStop        bool
	ShutdownBehavior      string // stop, terminate
	Monitoring            bool
	EBSOptimized          bool
	SourceDestCheck       bool
	CreditSpecification   string // standard, unlimited
	Tenancy               string
	Hibernation           bool
	AutoRecovery          string
	RootVolumeID          string
	RootDeviceName        string
	CPUCores, CPUThreads  int
	HostnameType          string
	ResourceNameDNSA      bool
	ResourceNameDNSAAAA   bool
	Metadata              MetadataOptions
	Volumes               []BlockDevice
	// RootImage and RootSnapshot are the Digest and SnapshotDigest of the image, as
	// they were at launch: the instance outlives its image.
	RootImage, RootSnapshot string
	Tags                    cloud.Tags
	ClientToken             string
	// RequestHash tells whether a repeated ClientToken repeats the request.
	RequestHash string
	// TerminatedAt lets terminated instances vanish after a while.
	TerminatedAt time.Time
}

// MetadataOptions are the instance metadata service's settings.
type MetadataOptions struct {
	HTTPTokens   string // optional, required
	HopLimit     int    // 1-64
	HTTPEndpoint string // enabled, disabled
	InstanceTags string // enabled, disabled
	HTTPIPv6     string // enabled, disabled
}

// BlockDevice ties a volume to a device name.
type BlockDevice struct {
	DeviceName          string
	VolumeID            string
	DeleteOnTermination bool
	AttachedAt          time.Time
}

// Index names.
const (
	ByScope   = "scope"
	ByVPC     = "vpc"
	ByProfile = "profile" // instance profile ARN
)

// Instances is the table of instances.
var Instances = cloud.NewTable("instance", func(i *Instance) string { return i.ID },
	cloud.Index[Instance]{Name: ByScope, Keys: func(i *Instance) []string { return []string{i.Key()} }},
	cloud.Index[Instance]{Name: ByVPC, Keys: func(i *Instance) []string { return []string{i.VPCID} }},
	cloud.Index[Instance]{Name: ByProfile, Keys: func(i *Instance) []string { return []string{i.ProfileARN} }},
	cloud.Index[Instance]{Name: byDigest, Keys: func(i *Instance) []string { return []string{i.RootImage, i.RootSnapshot} }},
	cloud.Index[Instance]{Name: "token", Keys: func(i *Instance) []string {
		if i.ClientToken == "" {
			return nil
		}
		return []string{i.Key() + "/" + i.ClientToken}
	}})

// Volume is an EBS volume. Volumes are bookkeeping: a guest's disk is its root.
type Volume struct {
	ID string
	cloud.Scope
	Zone       string
	SizeGiB    int
	Type       string // gp3
	IOPS       int
	Throughput int
	Encrypted  bool
	SnapshotID string
	InstanceID string
	// RootOf is the instance whose root device it was made as.
	RootOf    string
	State     string // in-use, available
	CreatedAt time.Time
	// Modification is the last change of size, type or speed.
	Modification *VolumeModification
	Tags         cloud.Tags
}

// VolumeModification is a change of a volume that is done.
type VolumeModification struct {
	OriginalSizeGiB, TargetSizeGiB       int
	OriginalType, TargetType             string
	OriginalIOPS, TargetIOPS             int
	OriginalThroughput, TargetThroughput int
	At                                   time.Time
}

// Volumes is the table of volumes.
var Volumes = cloud.NewTable("volume", func(v *Volume) string { return v.ID },
	cloud.Index[Volume]{Name: ByScope, Keys: func(v *Volume) []string { return []string{v.Key()} }},
	cloud.Index[Volume]{Name: "instance", Keys: func(v *Volume) []string { return []string{v.InstanceID} }})

// KeyPair is an imported SSH public key; its key is scope + name.
type KeyPair struct {
	ID string
	cloud.Scope
	Name        string
	PublicKey   string
	Fingerprint string
	Type        string // rsa, ed25519
	CreatedAt   time.Time
	Tags        cloud.Tags
}

// KeyPairs is the table of key pairs.
var KeyPairs = cloud.NewTable("key-pair", func(k *KeyPair) string { return k.Key() + "/" + k.Name },
	cloud.Index[KeyPair]{Name: ByScope, Keys: func(k *KeyPair) []string { return []string{k.Key()} }},
	// "pair" finds a key pair by its key-… id.
	cloud.Index[KeyPair]{Name: "pair", Keys: func(k *KeyPair) []string { return []string{k.ID} }})

// Tables lists the tables of this package.
func Tables() []cloud.AnyTable {
	return []cloud.AnyTable{Instances, Volumes, KeyPairs, StoredImages, Snapshots}
}
