package vpc

import "github.com/musubi-net/musubi/internal/cloud"

// ShuffleZones makes the names of zones mean other places in each account, from
// now on. It has to come before the first subnet, which would else change its
// place.
type ShuffleZones struct{}

// Apply implements cloud.Command.
func (c ShuffleZones) Apply(tx *cloud.Tx) (cloud.None, error) {
	if s, _ := cloud.Settings.Get(tx, cloud.ShuffleZones); s.Value == "yes" {
		return cloud.None{}, nil
	}
	for s := range Subnets.All(tx) {
		return cloud.None{}, cloud.Errorf(cloud.KindState, "zone", "IncorrectState",
			"the zones can not be shuffled any more: there are subnets in them (%s of account %s)", s.ID, s.Account)
	}
	cloud.Settings.Put(tx, cloud.Setting{Name: cloud.ShuffleZones, Value: "yes"})
	return cloud.None{}, nil
}
