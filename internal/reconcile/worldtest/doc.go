// Package worldtest has the test of the way from the cloud to packets: a real
// engine, plan, reconciler and kernel, with guests that only listen.
package worldtest
