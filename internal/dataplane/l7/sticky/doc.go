// Package sticky makes and reads the cookies by which an application load
// balancer keeps a client at a target (AWSALB, AWSALBAPP) or at a target group
// (AWSALBTG).
//
// A cookie holds what it stands for and until when, encrypted: clients can not
// read it, and one that was made up, changed, made with another key or has
// expired is as if it were not there. It may import internal/spec.
package sticky
