// Package supervisor holds what outlives a daemon: the user, mount, process and
// network namespaces, the listeners, and the guests.
//
// Start, called by musubi up in the host's namespaces, locks the state
// directory, opens the listeners and executes the program again inside new
// namespaces, where Main is process 1: it starts the daemon, starts it again
// when it dies, starts guests for it, and serves supervisor.sock, on which
// clients open programs in guests, read consoles and ask it to stop. When it
// ends, for whatever reason, the kernel takes every process, mount and
// namespace down with it.
//
// It may import spec and guest with what lies below.
package supervisor
