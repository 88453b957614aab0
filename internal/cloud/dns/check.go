package dns

import (
	"fmt"
	"reflect"

	"github.com/musubi-net/musubi/internal/cloud"
)

// maxChecks is how many health checks an account may have.
const maxChecks = 200

// FindCheck returns the account's health check of that id.
func FindCheck(r cloud.Reader, account, id string) (HealthCheck, error) {
	h, ok := HealthChecks.Get(r, id)
	if !ok || h.Account != account {
		return HealthCheck{}, noCheck(id)
	}
	return h, nil
}

func noCheck(id string) *cloud.Error {
	return cloud.Errorf(cloud.KindNotFound, "health-check", "NoSuchHealthCheck", "No health check exists with the specified ID: %s", id)
}

// CreateCheck makes a health check. Asked again with the same reference and
// settings, it returns the one that is there.
type CreateCheck struct {
	CallerReference string
	Config          CheckConfig
}

// Apply makes the health check.
func (c CreateCheck) Apply(tx *cloud.Tx) (HealthCheck, error) {
	config, err := c.Config.complete(tx)
	if err != nil {
		return HealthCheck{}, err
	}
	if h, taken := HealthChecks.First(tx, "reference", tx.Caller.Account+"/"+c.CallerReference); taken {
		if h.Version == 1 && reflect.DeepEqual(h.Config, config) {
			return h, nil
		}
		return HealthCheck{}, cloud.Errorf(cloud.KindExists, "health-check", "HealthCheckAlreadyExists", "A health check with the caller reference %s already exists.", c.CallerReference)
	}
	count := 0
	for range HealthChecks.By(tx, ByAccount, tx.Caller.Account) {
		count++
	}
	if count >= maxChecks {
		return HealthCheck{}, cloud.Errorf(cloud.KindLimit, "health-check", "TooManyHealthChecks", "Limits Exceeded: MAX_HEALTH_CHECKS_BY_OWNER - Cannot create more health checks.")
	}
	hex := tx.IDs.Hex(32)
	h := HealthCheck{
		ID:      fmt.Sprintf("%s-%s-%s-%s-%s", hex[:8], hex[8:12], hex[12:16], hex[16:20], hex[20:32]),
		Account: tx.Caller.Account, CallerReference: c.CallerReference, Version: 1, Config: config, CreatedAt: tx.Now,
	}
	HealthChecks.Put(tx, h)
	return h, nil
}

// UpdateCheck changes the settings of a health check; nil leaves one as it is.
type UpdateCheck struct {
	ID      string
	Version *int64

	IPAddress, Path, DomainName, SearchString *string
	Port, FailureThreshold, HealthThreshold   *int
	Inverted, Disabled, EnableSNI             *bool
	Children, Regions                         []string
	// Reset are settings that go back to what they are by default.
	Reset []string
}

// Apply changes the health check.
func (c UpdateCheck) Apply(tx *cloud.Tx) (HealthCheck, error) {
	h, err := FindCheck(tx, tx.Caller.Account, c.ID)
	if err != nil {
		return HealthCheck{}, err
	}
	if c.Version != nil && *c.Version != h.Version {
		return HealthCheck{}, cloud.Errorf(cloud.KindConflict, "health-check", "HealthCheckVersionMismatch",
			"The health check version in the request (%d) does not match the current version (%d).", *c.Version, h.Version)
	}
	if c.IPAddress != nil && (*c.IPAddress == "") != (h.Config.IPAddress == "") {
		return HealthCheck{}, badInput("Invalid parameter : You can't add an IP address to an existing health check, or remove it.")
	}
	config := c.change(h.Config)
	if h.Config, err = config.complete(tx); err != nil {
		return HealthCheck{}, err
	}
	h.Version++
	HealthChecks.Put(tx, h)
	return h, nil
}

// change is the configuration with what the request says.
func (c UpdateCheck) change(config CheckConfig) CheckConfig {
	for _, name := range c.Reset {
		switch name {
		case "FullyQualifiedDomainName":
			config.DomainName = ""
		case "Regions":
			config.Regions = nil
		case "ResourcePath":
			config.Path = ""
		case "ChildHealthChecks":
			config.Children = nil
		}
	}
	assign(&config.IPAddress, c.IPAddress)
	assign(&config.Path, c.Path)
	assign(&config.DomainName, c.DomainName)
	assign(&config.SearchString, c.SearchString)
	assign(&config.Port, c.Port)
	assign(&config.FailureThreshold, c.FailureThreshold)
	assign(&config.HealthThreshold, c.HealthThreshold)
	assign(&config.Inverted, c.Inverted)
	assign(&config.Disabled, c.Disabled)
	assign(&config.EnableSNI, c.EnableSNI)
	if len(c.Children) > 0 {
		config.Children = c.Children
	}
	if len(c.Regions) > 0 {
		config.Regions = c.Regions
	}
	return config
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// DeleteCheck deletes a health check. Record sets and calculated checks may refer to
// it still: they take it for healthy from then on.
type DeleteCheck struct{ ID string }

// Apply deletes the health check.
func (c DeleteCheck) Apply(tx *cloud.Tx) (cloud.None, error) {
	if _, err := FindCheck(tx, tx.Caller.Account, c.ID); err != nil {
		return cloud.None{}, err
	}
	HealthChecks.Delete(tx, c.ID)
	CheckResults.Delete(tx, c.ID)
	return cloud.None{}, nil
}

// TagCheck sets and removes tags of a health check.
type TagCheck struct {
	ID   string
	Set  cloud.Tags
	Drop []string
}

// Apply changes the tags.
func (c TagCheck) Apply(tx *cloud.Tx) (cloud.None, error) {
	h, err := FindCheck(tx, tx.Caller.Account, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if h.Tags, err = changeTags(h.Tags, c.Set, c.Drop); err != nil {
		return cloud.None{}, err
	}
	HealthChecks.Put(tx, h)
	return cloud.None{}, nil
}

// ReportCheck is what the checkers found; it comes from the world.
type ReportCheck struct {
	Version int64 // of the health check that they had
	Result  CheckResult
}

// Apply keeps the result, unless the health check is another by now.
func (c ReportCheck) Apply(tx *cloud.Tx) (cloud.None, error) {
	if h, ok := HealthChecks.Get(tx, c.Result.ID); ok && h.Version == c.Version {
		CheckResults.Put(tx, c.Result)
	}
	return cloud.None{}, nil
}
