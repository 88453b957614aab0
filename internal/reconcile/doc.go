// Package reconcile makes the world what the cloud says and tells the cloud what
// the world is.
//
// It watches the engine, asks plan which units a change touches, compiles each
// from the newest snapshot, leaves alone what is as it was, and applies the rest.
// Units are independent: one that fails is tried again with growing pauses and
// holds up no other. What was observed (an instance runs, a path exists, a target
// answers) goes back as commands.
//
//	changes -> plan.Affected -> queue -> workers -> compile, compare, apply -> report
//
// The world and the guests are reached through interfaces. It may import
// internal/cloud and its families, plan, spec, engine and dataplane.
package reconcile
