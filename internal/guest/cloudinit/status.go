package cloudinit

import "encoding/json"

// Where cloud-init tells how it is: the files, and the links that only exist
// once this boot wrote them.
const (
	StatusFile = "/var/lib/cloud/data/status.json"
	ResultFile = "/var/lib/cloud/data/result.json"
	StatusLink = "/run/cloud-init/status.json"
	ResultLink = "/run/cloud-init/result.json"
)

// DataSource is where cloud-init says that it has its data from.
const DataSource = "DataSourceEc2Local"

// StageStatus is how one stage went. Times are seconds since the epoch.
type StageStatus struct {
	Errors   []string `json:"errors"`
	Finished *float64 `json:"finished"`
	Start    *float64 `json:"start"`
}

// StageNames are the stages as status.json names them, in their order.
func StageNames() []string { return []string{"init-local", "init", "modules-config", "modules-final"} }

// Status is the content of status.json.
type Status struct {
	DataSource string
	Stage      string // that is running; empty: none
	Stages     map[string]StageStatus
}

// MarshalJSON writes it as cloud-init does: stages beside the other fields.
func (s Status) MarshalJSON() ([]byte, error) {
	v1 := map[string]any{"datasource": nil, "stage": nil}
	if s.DataSource != "" {
		v1["datasource"] = s.DataSource
	}
	if s.Stage != "" {
		v1["stage"] = s.Stage
	}
	for name, stage := range s.Stages {
		if stage.Errors == nil {
			stage.Errors = []string{}
		}
		v1[name] = stage
	}
	return json.Marshal(map[string]any{"v1": v1})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Status) UnmarshalJSON(text []byte) error {
	var file struct{ V1 map[string]json.RawMessage }
	if err := json.Unmarshal(text, &file); err != nil {
		return err
	}
	*s = Status{Stages: map[string]StageStatus{}}
	for name, raw := range file.V1 {
		var err error
		switch name {
		case "datasource":
			err = json.Unmarshal(raw, &s.DataSource)
		case "stage":
			err = json.Unmarshal(raw, &s.Stage)
		default:
			var stage StageStatus
			if err = json.Unmarshal(raw, &stage); err == nil {
				s.Stages[name] = stage
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Errors are the errors of all stages, in their order.
func (s Status) Errors() []string {
	out := []string{}
	for _, name := range StageNames() {
		out = append(out, s.Stages[name].Errors...)
	}
	return out
}

// Latest is when a stage last began or ended.
func (s Status) Latest() float64 {
	var t float64
	for _, stage := range s.Stages {
		for _, v := range []*float64{stage.Start, stage.Finished} {
			if v != nil {
				t = max(t, *v)
			}
		}
	}
	return t
}

// Result is the content of result.json.
type Result struct {
	V1 struct {
		DataSource string   `json:"datasource"`
		Errors     []string `json:"errors"`
	} `json:"v1"`
}
