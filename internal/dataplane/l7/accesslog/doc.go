// Package accesslog writes an application load balancer's access logs and
// connection logs: AWS's lines, in files with AWS's names, below a directory that
// stands for S3.
//
// Requests never wait for it: entries go through a buffered channel to the one
// goroutine that owns the files; what does not fit is dropped and counted. It
// imports nothing of the project.
package accesslog
