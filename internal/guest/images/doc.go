// Package images is the store of what guests are made of, in a directory of the
// state directory: imported images as an OCI layout, and the contents of disks
// that images were created of.
//
// Several programs may use a store at once: the command, which imports and has
// the host's network, and the daemon, which unpacks. Whatever changes the store
// holds its lock, and every file appears whole or not at all. Only the user who
// runs Musubi can read it.
//
// It may import guest/tree and spec, and alone speaks go-containerregistry.
package images
