package spec

import "net/netip"

// Fabric is the namespace that joins VPCs for PrivateLink. It routes by address
// alone and tracks no connections.
type Fabric struct {
	// Routes lead each endpoint's VIP to the provider's VPC and each source to
	// the consumer's.
	Routes []FabricRoute
	// Local are the VIPs of endpoints to AWS's own services: user space answers at
	// them in the fabric itself.
	Local []netip.Addr
}

// FabricRoute leads a fabric address to a VPC.
type FabricRoute struct {
	Address netip.Addr
	VPC     uint32 // VPC.Number
}

// Internet is the namespace that stands for the internet.
type Internet struct {
	// Routes lead public addresses to the VPCs that own them.
	Routes []InternetRoute
}

// InternetRoute leads a public address to a VPC.
type InternetRoute struct {
	Address netip.Addr
	VPCID   string
}

// Guest is what an instance runs in.
type Guest struct {
	InstanceID string
	// Boot grows with each start or reboot: a guest of another boot is replaced.
	Boot     uint32
	Hostname string // ip-10-0-1-10.ap-northeast-1.compute.internal
	Name     string // the Name tag, for people
	ImageID  string
	UserData []byte
	// Resolver is the VPC's resolver; Search the DNS search domain.
	Resolver netip.Addr
	Search   string
	// Trust are certificate authorities (PEM) that the guest's programs trust
	// besides the host's.
	Trust string
	// Image is the digest of the imported image that is the root file system; empty
	// for the built-in one.
	Image string
	// Snapshot is the digest of the disk that the guest begins with at its first
	// boot: what an instance had written when an image was created of it. Empty for
	// an empty disk.
	Snapshot string
	// Root is the directory of Image, as the supervisor sees it, and Program what
	// the image says is to be run. Whoever starts the guest finds both.
	Root    string
	Program *Program
	Limits  Limits
}

// Program is what an imported image says is to be run: an OCI image's entry point.
type Program struct {
	Args []string
	Env  []string
	Dir  string
	User string
}

// Limits bound what a guest can take of the host; 0 is no bound.
type Limits struct {
	MemoryBytes int64 // without the disk's, which is memory too
	Processes   int
	DiskBytes   int64
	// CPUs is how many processors' time it may take.
	CPUs int
}

// HealthCheck is one target that the health checker probes from a VPC's
// namespace.
type HealthCheck struct {
	// Key is elb.TargetKey of the target.
	Key string
	VPC string
	// Sources are the node addresses that probe, Address what they probe.
	Sources []netip.Addr
	Address netip.AddrPort
	// Others are further addresses of the target, the other nodes of a load
	// balancer: an answer from one is enough.
	Others   []netip.AddrPort
	Protocol string // TCP, HTTP, HTTPS
	// Version is HTTP1 (or empty), HTTP2 or GRPC.
	Version string
	Path    string
	// Application makes the check an application load balancer's: the Host header
	// is the probed address, and reasons tell timeouts and codes from failures.
	Application bool
	// ListenerPort makes the Host header, with the probing node's address.
	ListenerPort       int
	Matcher            string // 200-399; GRPC: 0-99
	IntervalSeconds    int
	TimeoutSeconds     int
	HealthyThreshold   int
	UnhealthyThreshold int
	// Health is the last state that the cloud knows: initial, healthy, unhealthy.
	Health string
}
