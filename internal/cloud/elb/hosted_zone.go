package elb

// HostedZoneID is the hosted zone of network load balancers' names in a
// region: the zone that an alias record to one names.
func HostedZoneID(region string) string { return canonicalZone(region) }
