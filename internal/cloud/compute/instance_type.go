package compute

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// InstanceType is what AWS sells under a name such as t3.micro.
type InstanceType struct {
	Name           string
	Architecture   string // x86_64, arm64
	VCPUs          int
	ThreadsPerCore int
	MemoryMiB      int
	Hypervisor     string // nitro, xen
	Burstable      bool
	// DefaultCredits is standard or unlimited; empty unless Burstable.
	DefaultCredits string
	MaxInterfaces  int
	AddressesPer   int // IPv4 addresses per interface
	Network        string
	EBSOptimized   string // default, supported, unsupported
	FreeTier       bool
	Current        bool
	GHz            float64
}

// Cores is the number of cores.
func (t *InstanceType) Cores() int { return t.VCPUs / t.ThreadsPerCore }

// typeSize is one size of a family: its name, vCPUs and memory.
type typeSize struct {
	name       string
	vcpus, mib int
	interfaces int
	addresses  int
}

type typeFamily struct {
	name    string
	arch    string
	threads int
	ghz     float64
	sizes   []typeSize
}

// burstSizes are the sizes that t3 and its kin have.
func burstSizes() []typeSize {
	return []typeSize{{"nano", 2, 512, 2, 2}, {"micro", 2, 1024, 2, 2}, {"small", 2, 2048, 3, 4}, {"medium", 2, 4096, 3, 6},
		{"large", 2, 8192, 3, 12}, {"xlarge", 4, 16384, 4, 15}, {"2xlarge", 8, 32768, 4, 15}}
}

// fixedSizes are the sizes of a family with that much memory per vCPU.
func fixedSizes(mibPerCPU int, names ...string) []typeSize {
	all := []typeSize{{"medium", 1, 0, 2, 4}, {"large", 2, 0, 3, 10}, {"xlarge", 4, 0, 4, 15}, {"2xlarge", 8, 0, 4, 15},
		{"4xlarge", 16, 0, 8, 30}, {"8xlarge", 32, 0, 8, 30}, {"12xlarge", 48, 0, 8, 30}, {"16xlarge", 64, 0, 15, 50},
		{"24xlarge", 96, 0, 15, 50}}
	var out []typeSize
	for _, s := range all {
		if slices.Contains(names, s.name) {
			s.mib = s.vcpus * mibPerCPU
			out = append(out, s)
		}
	}
	return out
}

func typeFamilies() []typeFamily {
	x86 := []string{"large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge"}
	arm := append([]string{"medium"}, x86[:7]...)
	families := []typeFamily{
		{"t2", "x86_64", 1, 2.5, []typeSize{{"nano", 1, 512, 2, 2}, {"micro", 1, 1024, 2, 2}, {"small", 1, 2048, 3, 4},
			{"medium", 2, 4096, 3, 6}, {"large", 2, 8192, 3, 12}, {"xlarge", 4, 16384, 3, 15}, {"2xlarge", 8, 32768, 3, 15}}},
		{"t3", "x86_64", 2, 2.5, burstSizes()}, {"t3a", "x86_64", 2, 2.2, burstSizes()}, {"t4g", "arm64", 1, 2.5, burstSizes()},
	}
	for _, f := range []struct {
		names string
		mib   int
	}{{"m5 m5a m6i m6a m7i m7a", 4096}, {"c5 c6i c6a c7i c7a", 2048}, {"r5 r6i r6a r7i", 8192}} {
		for name := range strings.FieldsSeq(f.names) {
			families = append(families, typeFamily{name, "x86_64", 2, 3.1, fixedSizes(f.mib, x86...)})
		}
	}
	for _, f := range []struct {
		names string
		mib   int
	}{{"m6g m7g", 4096}, {"c6g c7g", 2048}, {"r6g r7g", 8192}} {
		for name := range strings.FieldsSeq(f.names) {
			families = append(families, typeFamily{name, "arm64", 1, 2.5, fixedSizes(f.mib, arm...)})
		}
	}
	return families
}

// InstanceTypes lists the types that can be launched, by family and size.
func InstanceTypes() []InstanceType {
	var out []InstanceType
	for _, f := range typeFamilies() {
		for _, s := range f.sizes {
			out = append(out, f.instanceType(s))
		}
	}
	return out
}

func (f typeFamily) instanceType(s typeSize) InstanceType {
	t := InstanceType{Name: f.name + "." + s.name, Architecture: f.arch, VCPUs: s.vcpus, ThreadsPerCore: f.threads,
		MemoryMiB: s.mib, Hypervisor: "nitro", MaxInterfaces: s.interfaces, AddressesPer: s.addresses,
		Network: "Up to 10 Gigabit", EBSOptimized: "default", Current: true, GHz: f.ghz}
	if strings.HasPrefix(f.name, "t") {
		t.Burstable, t.DefaultCredits, t.Network = true, "unlimited", "Up to 5 Gigabit"
	}
	if f.name == "t2" {
		t.Hypervisor, t.DefaultCredits, t.EBSOptimized, t.Network = "xen", "standard", "unsupported", "Low to Moderate"
	}
	t.FreeTier = t.Name == "t2.micro" || t.Name == "t3.micro"
	return t
}

// FindInstanceType returns a type by its name.
func FindInstanceType(name string) (InstanceType, bool) {
	for _, t := range InstanceTypes() {
		if t.Name == name {
			return t, true
		}
	}
	return InstanceType{}, false
}

func launchType(name string) (InstanceType, error) {
	t, ok := FindInstanceType(name)
	if !ok {
		return t, cloud.Errorf(cloud.KindInvalid, "instance", "InvalidParameterValue", "Invalid value '%s' for InstanceType.", name)
	}
	return t, nil
}
