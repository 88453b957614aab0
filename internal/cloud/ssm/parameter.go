package ssm

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

// Types of parameters.
const (
	String       = "String"
	StringList   = "StringList"
	SecureString = "SecureString"
)

const (
	maxHistory    = 100
	maxParameters = 10000
	maxLabels     = 10
	standardSize  = 4096
	advancedSize  = 8192
	defaultKey    = "alias/aws/ssm"
	imageType     = "aws:ec2:image"
)

// Latest is the newest version.
func (p *Parameter) Latest() ParameterVersion { return p.Versions[len(p.Versions)-1] }

// ARN is the parameter's ARN.
func (p *Parameter) ARN() string {
	return "arn:aws:ssm:" + p.Region + ":" + p.Account + ":parameter/" + strings.TrimPrefix(p.Name, "/")
}

// Shown is the value as it is shown: a SecureString is not, unless it is asked to
// be decrypted.
func (v *ParameterVersion) Shown(decrypt bool) string {
	if v.Type == SecureString && !decrypt {
		return v.Cipher
	}
	return v.Value
}

// PutParameter makes a parameter, or gives it another value.
type PutParameter struct {
	Name, Description, Value, Type, KeyID, AllowedPattern, Tier, DataType string
	Overwrite                                                             bool
	Tags                                                                  cloud.Tags
}

// Apply keeps the value.
func (c PutParameter) Apply(tx *cloud.Tx) (ParameterVersion, error) {
	if err := c.check(); err != nil {
		return ParameterVersion{}, err
	}
	p, ok := Parameters.Get(tx, tx.Caller.Key()+"/"+c.Name)
	v := ParameterVersion{Number: 1}
	switch {
	case ok && !c.Overwrite:
		return v, cloud.Errorf(cloud.KindExists, "parameter", "ParameterAlreadyExists",
			"The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case ok:
		v = p.Latest()
		v.Number, v.Labels = v.Number+1, nil
		if c.Type != "" && c.Type != v.Type && (c.Type == SecureString || v.Type == SecureString) {
			return v, invalid("HierarchyTypeMismatchException", "The parameter type cannot be changed: a SecureString stays one, and nothing else becomes one.")
		}
	default:
		p = Parameter{Name: c.Name, Scope: tx.Caller.Scope}
		if err := c.room(tx); err != nil {
			return v, err
		}
		var err error
		if p.Tags, err = setTags(nil, c.Tags); err != nil {
			return v, err
		}
	}
	if err := c.settle(tx, &v); err != nil {
		return v, err
	}
	if len(p.Versions) >= maxHistory {
		if len(p.Versions[0].Labels) > 0 {
			return v, limit("ParameterMaxVersionLimitExceeded", "The oldest version of the parameter %s has a label and can not be deleted to make room for a new one.", c.Name)
		}
		p.Versions = p.Versions[1:]
	}
	p.Versions = append(slices.Clip(slices.Clone(p.Versions)), v)
	Parameters.Put(tx, p)
	return v, nil
}

func (c PutParameter) room(tx *cloud.Tx) error {
	if c.Type == "" {
		return validation("A parameter type is required when you create a parameter.")
	}
	n := 0
	for range Parameters.By(tx, ByScope, tx.Caller.Key()) {
		n++
	}
	if n >= maxParameters {
		return limit("ParameterLimitExceeded", "You have exceeded the number of parameters for this AWS account.")
	}
	return nil
}

// settle makes the new version of the old one: what is not given stays.
func (c PutParameter) settle(tx *cloud.Tx, v *ParameterVersion) error {
	v.Type, v.DataType = or(c.Type, v.Type), or(c.DataType, or(v.DataType, "text"))
	v.Description = or(c.Description, v.Description)
	v.AllowedPattern, v.Value = or(c.AllowedPattern, v.AllowedPattern), c.Value
	v.ModifiedAt, v.ModifiedBy = tx.Now, tx.Caller.PrincipalARN
	if err := c.settleTier(v); err != nil {
		return err
	}
	if v.AllowedPattern != "" {
		p, err := regexp.Compile("^(?:" + v.AllowedPattern + ")$")
		if err != nil {
			return invalid("InvalidAllowedPatternException", "The request does not meet the regular expression requirement: %v", err)
		}
		if !p.MatchString(v.Value) {
			return invalid("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", v.AllowedPattern)
		}
	}
	if v.Type == SecureString {
		v.KeyID, v.Cipher = defaultKey, "AQICAH"+tx.IDs.Alnum(2*((len(v.Value)+160)/3)+2)
	} else if c.KeyID != "" {
		return validation("KeyId is required for SecureString type parameter only.")
	}
	if v.DataType == imageType {
		if _, err := compute.FindImage(tx, tx.Caller.Scope, v.Value); err != nil {
			return validation("The parameter value %s is not an image of this region, as the data type %s asks for.", v.Value, imageType)
		}
	}
	return nil
}

// settleTier finds the tier: an advanced parameter stays one.
func (c PutParameter) settleTier(v *ParameterVersion) error {
	size := len(v.Value)
	tier := c.Tier
	switch {
	case tier == "Intelligent-Tiering" && size > standardSize:
		tier = "Advanced"
	case tier == "Intelligent-Tiering" || tier == "":
		tier = or(v.Tier, "Standard")
	case tier == "Standard" && v.Tier == "Advanced":
		return validation("This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter. Be aware there is a charge for using an advanced parameter.")
	}
	v.Tier = tier
	switch {
	case tier == "Standard" && size > standardSize:
		return validation("Standard tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html", standardSize)
	case size > advancedSize:
		return validation("Advanced tier parameters support a maximum parameter value of %d characters.", advancedSize)
	}
	return nil
}

var (
	parameterName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_.\-/]+$`) })
	imageValue    = regexp.MustCompile(`^ami-[0-9a-f]+$`)
)

const namingRules = "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"

func (c PutParameter) check() error {
	low := strings.ToLower(strings.TrimPrefix(c.Name, "/"))
	switch {
	case strings.HasPrefix(low, "aws"):
		return cloud.Errorf(cloud.KindForbidden, "parameter", "AccessDeniedException", "No access to reserved parameter name: %s.", c.Name)
	case strings.HasPrefix(low, "ssm"), !parameterName().MatchString(c.Name), strings.Contains(c.Name, "//"):
		return validation("%s", namingRules)
	case strings.Contains(c.Name, "/") && !strings.HasPrefix(c.Name, "/"), strings.HasSuffix(c.Name, "/"):
		return validation("Parameter name must be a fully qualified name.")
	case strings.Count(c.Name, "/") > 15:
		return invalid("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of 15 levels. For more information, see Requirements and constraints for parameter names in the AWS Systems Manager User Guide.")
	case utf8.RuneCountInString(c.Name) > 1011:
		return validation("The parameter name is longer than the 1011 characters that are allowed.")
	case c.Value == "":
		return validation("1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case c.Overwrite && len(c.Tags) > 0:
		return validation("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	case c.KeyID != "" && c.KeyID != defaultKey:
		return invalid("InvalidKeyId", "The key %s is not served by Musubi: use %s, which is what a SecureString has without a key.", c.KeyID, defaultKey)
	case c.DataType != "" && c.DataType != "text" && c.DataType != imageType:
		return validation("The following data type is not supported: %s (Data type names are all lowercase.)", c.DataType)
	case c.Type == StringList && slices.Contains(strings.Split(c.Value, ","), ""):
		return validation("The value of a StringList has items that are separated by commas, and none is empty.")
	}
	return nil
}

func noParameter() *cloud.Error { return absent("parameter", "ParameterNotFound", "") }

// Found is a version of a parameter, and the selector by which it was asked for.
type Found struct {
	Parameter Parameter
	Version   ParameterVersion
	Selector  string
}

// FindParameter finds a parameter by its name or ARN, with a selector of a version
// or label after a colon: the scope's, or a public one.
func FindParameter(r cloud.Reader, s cloud.Scope, name string) (Found, error) {
	if rest, ok := strings.CutPrefix(name, "arn:aws:ssm:"); ok {
		prefix, n, _ := strings.Cut(rest, ":parameter/")
		if prefix != s.Region+":"+s.Account {
			return Found{}, noParameter()
		}
		name = n
		if bare, _, _ := strings.Cut(n, ":"); strings.Contains(bare, "/") {
			name = "/" + n
		}
	}
	name, selector, selected := strings.Cut(name, ":")
	p, ok := Parameters.Get(r, s.Key()+"/"+name)
	if !ok {
		p, ok = public(r, s, name)
	}
	if !ok {
		return Found{}, noParameter()
	}
	if !selected {
		return Found{p, p.Latest(), ""}, nil
	}
	for _, v := range p.Versions {
		if strconv.Itoa(v.Number) == selector || slices.Contains(v.Labels, selector) {
			return Found{p, v, ":" + selector}, nil
		}
	}
	if _, err := strconv.Atoi(selector); err != nil {
		return Found{}, absent("parameter", "ParameterVersionNotFound", "Systems Manager could not find the label %s for the parameter %s. Verify the label and try again.", selector, name)
	}
	return Found{}, absent("parameter", "ParameterVersionNotFound", "Systems Manager could not find version %s of %s. Verify the version and try again.", selector, name)
}

// ListParameters lists a scope's parameters by name.
func ListParameters(r cloud.Reader, s cloud.Scope) []Parameter {
	list := slices.Collect(Parameters.By(r, ByScope, s.Key()))
	slices.SortFunc(list, func(x, y Parameter) int { return strings.Compare(x.Name, y.Name) })
	return list
}

// Below reports whether a name is below a path: right below it, or at any depth.
func Below(name, path string, recursive bool) bool {
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(path, "/")+"/")
	return ok && rest != "" && (recursive || !strings.Contains(rest, "/"))
}

// DeleteParameters deletes parameters, and returns the names of those that there
// were.
type DeleteParameters struct{ Names []string }

// Apply deletes them.
func (c DeleteParameters) Apply(tx *cloud.Tx) (gone []string, err error) {
	for _, name := range c.Names {
		key := tx.Caller.Key() + "/" + name
		if _, ok := Parameters.Get(tx, key); ok {
			Parameters.Delete(tx, key)
			gone = append(gone, name)
		}
	}
	return gone, nil
}
