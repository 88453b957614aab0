// Package cloud is the domain: the AWS resources as users see them, and the
// rules by which commands change them.
//
// It is pure. There is no clock, no randomness and no I/O: time, identifiers
// and the caller arrive in an Env. State lives in tables of immutable records
// (a go-memdb database); a command is applied inside a Tx, which collects the
// changes that the engine then commits and publishes.
//
// The resource families are sub-packages: vpc, elb, privatelink, dns, iam, acm,
// sns, compute and ssm. A family may import this package and the families that its
// resources refer to, never the other way round:
//
//	vpc <- compute <- elb <- privatelink <- dns;  iam <- compute <- ssm;  iam, acm <- elb;  sns <- privatelink
//
// This package may import nothing of the project.
package cloud
