// Package agent is the stand-in for amazon-ssm-agent: a process of the guest that
// holds a control channel to Systems Manager's message service through the guest's
// own network, serves sessions to the stock session-manager-plugin and runs
// commands. It has what any process of root in the guest has and nothing more:
// who it is, and the credentials of its role, come from the metadata service.
//
// It may import internal/sessionwire, guest/frugal, guest/initctl and guest/terminal.
package agent
