// Package guest is the daemon's side of the instances: a Manager that asks the
// supervisor, over the control connection that the daemon inherited, to start,
// stop and remove guests, and that hears what became of them.
//
// What a guest is made of lies below it: rootfs builds its root file system,
// init is its process 1, tools are the stand-ins for the programs that an
// Amazon Linux instance has, initctl is how those two talk, wire and reap are
// the plumbing that guests and the supervisor share.
//
// It may import spec and the packages below it.
package guest
