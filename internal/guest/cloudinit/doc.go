// Package cloudinit reads what user data asks of an instance, as cloud-init
// 22.2 on Amazon Linux 2023 does: the parts of a message, their kinds, how
// several cloud-configs become one, and what each module of it wants. It
// carries nothing out and touches neither files nor the network: what is
// included is fetched by a function that the caller gives.
//
// YAML is read by go.yaml.in/yaml/v3, the library that the YAML organisation
// keeps; the command line's library brings it into the binary anyway. It may
// import nothing of the project.
package cloudinit

// Version is the cloud-init of Amazon Linux 2023 that this follows.
const Version = "22.2.2"

// DefaultUser is the user that an image's configuration defines.
const DefaultUser = "ec2-user"
