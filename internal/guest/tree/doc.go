// Package tree unpacks file trees from tar streams into a directory, and packs
// directories into tar streams: layers of images, and disks of instances.
//
// What it unpacks may be hostile: no entry leads out of the directory, and
// nothing but files, directories, links and pipes comes of it. It may import
// nothing of the project.
package tree
