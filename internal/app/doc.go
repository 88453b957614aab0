// Package app is the composition root: what is started, in which order, and
// stopped in reverse. It joins the store, the engine, the AWS adapters, the
// kernel, the guests and the reconciler into a daemon, and asks the supervisor
// to hold it.
//
// It may import everything.
package app
