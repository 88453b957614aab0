package privatelink

// HostedZoneID is the hosted zone of endpoints' names in a region: the zone
// that an alias record to one names.
func HostedZoneID(region string) string { return hostedZone(region) }
