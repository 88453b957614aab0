// Package balance chooses targets: within a target group by its algorithm, zone,
// health and slow start, and among target groups by weight. It serves both
// application load balancers and the listeners of network load balancers that
// work in user space.
//
// Choosing takes no locks: a group's targets are an immutable snapshot that an
// update replaces, and counters are atomic and stay with a target for as long as
// it is registered. Clock and randomness are handed in. It may import
// internal/spec.
package balance
