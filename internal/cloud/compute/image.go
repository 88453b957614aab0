package compute

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Owners of the built-in images.
const (
	amazonOwner    = "137112412989"
	canonicalOwner = "099720109477"
	debianOwner    = "136693071363"
)

// imageFamily is a line of images that differ in version and architecture.
type imageFamily struct {
	owner       string
	name        string // VERSION and ARCH are replaced
	description string
	arches      []string
	device      string
	sizeGiB     int
	volumeType  string
	imdsv2      bool
	// versions are "version@date", oldest first.
	versions []string
}

func imageFamilies() []imageFamily {
	both := []string{"x86_64", "arm64"}
	al2023 := []string{"2023.6.20250218.2@2025-02-19T02:31:07Z", "2023.7.20250623.1@2025-06-24T00:13:33Z"}
	al2 := []string{"2.0.20250220.0@2025-02-21T20:03:21Z", "2.0.20250623.0@2025-06-24T18:42:53Z"}
	amazon := func(name, description string, size int, volume string, arches, versions []string) imageFamily {
		return imageFamily{owner: amazonOwner, name: name, description: description, arches: arches, device: "/dev/xvda",
			sizeGiB: size, volumeType: volume, imdsv2: strings.HasPrefix(name, "al2023"), versions: versions}
	}
	ubuntu := func(name, description string, versions ...string) imageFamily {
		return imageFamily{owner: canonicalOwner, name: name, description: description, arches: both, device: "/dev/sda1",
			sizeGiB: 8, volumeType: "gp2", versions: versions}
	}
	return []imageFamily{
		amazon("al2023-ami-VERSION-kernel-6.1-ARCH", "Amazon Linux 2023 AMI VERSION ARCH HVM kernel-6.1", 8, "gp3", both, al2023),
		amazon("al2023-ami-VERSION-kernel-6.12-ARCH", "Amazon Linux 2023 AMI VERSION ARCH HVM kernel-6.12", 8, "gp3", both,
			[]string{"2023.7.20250623.1@2025-06-24T00:13:21Z"}),
		amazon("al2023-ami-minimal-VERSION-kernel-6.1-ARCH", "Amazon Linux 2023 AMI VERSION ARCH Minimal HVM kernel-6.1", 2, "gp3", both, al2023),
		amazon("al2023-ami-minimal-VERSION-kernel-6.12-ARCH", "Amazon Linux 2023 AMI VERSION ARCH Minimal HVM kernel-6.12", 2, "gp3", both,
			[]string{"2023.7.20250623.1@2025-06-24T00:13:19Z"}),
		amazon("amzn2-ami-hvm-VERSION-ARCH-gp2", "Amazon Linux 2 AMI VERSION ARCH HVM gp2", 8, "gp2", both, al2),
		amazon("amzn2-ami-kernel-5.10-hvm-VERSION-ARCH-gp2", "Amazon Linux 2 Kernel 5.10 AMI VERSION ARCH HVM gp2", 8, "gp2", both, al2),
		amazon("amzn2-ami-minimal-hvm-VERSION-ARCH-ebs", "Amazon Linux 2 AMI VERSION ARCH Minimal HVM ebs", 2, "standard", both, al2),
		amazon("amzn-ami-minimal-hvm-VERSION-ARCH-ebs", "Amazon Linux AMI VERSION ARCH Minimal HVM ebs", 2, "standard",
			[]string{"x86_64"}, []string{"2018.03.0.20231218.0@2023-12-20T00:04:37Z"}),
		ubuntu("ubuntu/images/hvm-ssd/ubuntu-focal-20.04-ARCH-server-VERSION", "Canonical, Ubuntu, 20.04, ARCH focal image",
			"20250624@2025-06-24T08:35:11Z"),
		ubuntu("ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-ARCH-server-VERSION", "Canonical, Ubuntu, 22.04, ARCH jammy image",
			"20250305@2025-03-05T09:21:40Z", "20250627@2025-06-27T09:37:18Z"),
		ubuntu("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-ARCH-server-VERSION", "Canonical, Ubuntu, 24.04, ARCH noble image",
			"20250305@2025-03-05T09:52:16Z", "20250627@2025-06-27T09:44:03Z"),
		{owner: debianOwner, name: "debian-12-ARCH-VERSION", description: "Debian 12 (VERSION)", arches: both, device: "/dev/xvda",
			sizeGiB: 8, volumeType: "gp3", versions: []string{"20250629-2158@2025-06-29T22:02:45Z"}},
	}
}

// Images lists the built-in images of a region, oldest first within a family.
// Their ids are the same in every run.
func Images(region string) []Image {
	var out []Image
	for _, f := range imageFamilies() {
		for _, v := range f.versions {
			for _, arch := range f.arches {
				out = append(out, f.image(region, v, arch))
			}
		}
	}
	return out
}

func (f imageFamily) image(region, version, arch string) Image {
	number, date, _ := strings.Cut(version, "@")
	created, err := time.Parse(time.RFC3339, date)
	if err != nil {
		panic("compute: image date " + date)
	}
	label := arch
	if f.owner != amazonOwner && arch == "x86_64" {
		label = "amd64"
	}
	expand := strings.NewReplacer("VERSION", number, "ARCH", label)
	i := Image{Name: expand.Replace(f.name), Description: expand.Replace(f.description), OwnerID: f.owner, Architecture: arch,
		CreatedAt: created, RootDeviceName: f.device, SizeGiB: f.sizeGiB, VolumeType: f.volumeType, IMDSv2: f.imdsv2,
		BootMode: "uefi-preferred"}
	if arch == "arm64" {
		i.BootMode = "uefi"
	}
	if f.owner == amazonOwner {
		i.OwnerAlias = "amazon"
	}
	i.Scope = cloud.Scope{Account: f.owner, Region: region}
	i.State, i.Public, i.Virtualization, i.ENA, i.SRIOV = ImageAvailable, true, hvm, true, true
	// AWS deprecates public images two years after they were made.
	i.DeprecatedAt = created.AddDate(2, 0, 0).Truncate(time.Minute)
	i.ID = "ami-0" + stableHex(region, "ami", i.Name)
	i.SnapshotID = "snap-0" + stableHex(region, "snap", i.Name)
	return i
}

func stableHex(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}
