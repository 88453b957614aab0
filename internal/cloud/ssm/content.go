package ssm

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Types of documents.
const (
	TypeCommand = "Command"
	TypeSession = "Session"
)

// maxContent is how large a document may be.
const maxContent = 64 << 10

// Content is a document's content, parsed.
type Content struct {
	SchemaVersion string                  `json:"schemaVersion"`
	Description   string                  `json:"description"`
	SessionType   string                  `json:"sessionType"`
	Parameters    map[string]DocParameter `json:"parameters"`
	// Inputs are a shell's preferences, Properties those of the other sessions.
	Inputs     map[string]any `json:"inputs"`
	Properties any            `json:"properties"`
	MainSteps  []docStep      `json:"mainSteps"`
	// RuntimeConfig is what documents of schema 1.2 have for steps.
	RuntimeConfig map[string]struct {
		Properties json.RawMessage `json:"properties"`
	} `json:"runtimeConfig"`
	// order is the order in which parameters were written: YAML's is that of names.
	order []string
}

// DocParameter is a parameter that a document has.
type DocParameter struct {
	Type           string   `json:"type"`
	Description    string   `json:"description"`
	Default        any      `json:"default"`
	AllowedValues  []any    `json:"allowedValues"`
	AllowedPattern string   `json:"allowedPattern"`
	DisplayType    string   `json:"displayType"`
	MinItems       *float64 `json:"minItems"`
	MaxItems       *float64 `json:"maxItems"`
	MinChars       *float64 `json:"minChars"`
	MaxChars       *float64 `json:"maxChars"`
	// Interpolation is how a value comes into a script: TEXT (the default here as
	// there), or ENV_VAR, which is refused.
	Interpolation string `json:"interpolationType"`
}

type docStep struct {
	Action       string              `json:"action"`
	Name         string              `json:"name"`
	Precondition map[string][]string `json:"precondition"`
	Inputs       map[string]any      `json:"inputs"`
	OnFailure    string              `json:"onFailure"`
	OnSuccess    string              `json:"onSuccess"`
	FinallyStep  any                 `json:"finallyStep"`
	IsEnd        any                 `json:"isEnd"`
}

func badContent(format string, args ...any) *cloud.Error {
	return invalid("InvalidDocumentContent", format, args...)
}

// asJSON returns the content as JSON.
func asJSON(format, text string) ([]byte, error) {
	if format == "YAML" {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			return nil, badContent("YAML not well-formed. %v", err)
		}
		data, err := json.Marshal(v)
		if err != nil {
			return nil, badContent("YAML not well-formed. %v", err)
		}
		return data, nil
	}
	if !json.Valid([]byte(text)) {
		return nil, badContent("JSON not well-formed. at Line: 1, Column: 1")
	}
	return []byte(text), nil
}

// Parse reads a document's content.
func Parse(format, text string) (Content, error) {
	var c Content
	if len(text) > maxContent {
		return c, limit("MaxDocumentSizeExceeded", "The size of the document is larger than the %d KB that are allowed.", maxContent>>10)
	}
	data, err := asJSON(format, text)
	if err != nil {
		return c, err
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, badContent("The document has what is not served or not known: %v", err)
	}
	c.order = memberOrder(data, "parameters")
	return c, nil
}

// memberOrder lists the members of an object below the root in their order.
func memberOrder(data []byte, member string) (names []string) {
	var root map[string]json.RawMessage
	if json.Unmarshal(data, &root) != nil || len(root[member]) == 0 {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(root[member])))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		var skip json.RawMessage
		if err != nil || d.Decode(&skip) != nil {
			return names
		}
		if s, ok := name.(string); ok {
			names = append(names, s)
		}
	}
	return names
}

// Order lists the parameters in the order in which they are shown.
func (c *Content) Order() []string { return c.order }

var identifier = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]*$`) })

// check says whether a content is one of its type that can be carried out.
func (c *Content) check(kind string) error {
	for _, name := range c.order {
		if err := checkParameter(name, c.Parameters[name]); err != nil {
			return err
		}
	}
	if kind == TypeSession {
		return c.checkSession()
	}
	return c.checkCommand()
}

func checkParameter(name string, p DocParameter) error {
	switch {
	case !identifier().MatchString(name):
		return badContent("The parameter name %s is not valid.", name)
	case !slices.Contains([]string{"String", "StringList"}, p.Type):
		return badContent("The type %s of the parameter %s is not served by Musubi: use String or StringList.", p.Type, name)
	case p.Interpolation != "" && p.Interpolation != "TEXT":
		return badContent("The interpolationType %s of the parameter %s is not served by Musubi.", p.Interpolation, name)
	}
	if p.AllowedPattern != "" {
		if _, err := regexp.Compile(p.AllowedPattern); err != nil {
			return badContent("The allowedPattern of the parameter %s can not be used: %v", name, err)
		}
	}
	if p.Default != nil {
		if _, err := p.values(name, p.defaults()); err != nil {
			return badContent("The default of the parameter %s is not valid: %v", name, err)
		}
	}
	return nil
}

var sessionTypes = []string{"Standard_Stream", "InteractiveCommands", "NonInteractiveCommands", "Port"}

func (c *Content) checkSession() error {
	switch {
	case c.SchemaVersion != "1.0":
		return invalid("InvalidDocumentSchemaVersion", "Session documents support schema version 1.0 only.")
	case !slices.Contains(sessionTypes, c.SessionType):
		return badContent("The sessionType %s is not valid. It must be one of %s.", c.SessionType, strings.Join(sessionTypes, ", "))
	case c.MainSteps != nil || c.RuntimeConfig != nil:
		return badContent("A Session document has neither mainSteps nor runtimeConfig.")
	case c.SessionType != "Standard_Stream" && c.Inputs != nil:
		return badContent("Documents of the session type %s have properties, and no inputs.", c.SessionType)
	case c.SessionType != "Standard_Stream" && c.Properties == nil:
		return badContent("Documents of the session type %s must have properties.", c.SessionType)
	}
	_, err := c.preferences()
	return err
}

func (c *Content) checkCommand() error {
	switch c.SchemaVersion {
	case "2.2", "2.0":
		if len(c.MainSteps) == 0 {
			return badContent("A document of schema version %s must have mainSteps.", c.SchemaVersion)
		}
	case "1.2":
		if len(c.RuntimeConfig) == 0 {
			return badContent("A document of schema version 1.2 must have a runtimeConfig.")
		}
	default:
		return invalid("InvalidDocumentSchemaVersion", "The schema version %s is not supported for Command documents.", c.SchemaVersion)
	}
	if c.SessionType != "" || c.Inputs != nil || c.Properties != nil {
		return badContent("A Command document has neither sessionType, inputs nor properties.")
	}
	seen := map[string]bool{}
	for _, s := range c.MainSteps {
		if s.Name == "" || seen[s.Name] {
			return badContent("Every step must have a name of its own.")
		}
		seen[s.Name] = true
	}
	// Whether the steps can be carried out is seen with the defaults in place.
	_, err := c.steps(c.someValues())
	return err
}

// someValues are values for all parameters, good enough to look at the steps.
func (c *Content) someValues() map[string][]string {
	all := map[string][]string{}
	for name, p := range c.Parameters {
		if all[name] = p.defaults(); all[name] == nil {
			all[name] = []string{"1"}
		}
	}
	return all
}
