package ssm

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// What steps may do here.
const (
	runShell      = "aws:runShellScript"
	runPowerShell = "aws:runPowerShellScript"
)

const defaultExecution = 3600

// steps are a Command document's steps for Linux, with parameters filled in.
func (c *Content) steps(values map[string][]string) ([]Step, error) {
	var out []Step
	for _, s := range c.MainSteps {
		if s.OnFailure != "" || s.OnSuccess != "" || s.FinallyStep != nil || s.IsEnd != nil {
			return nil, badContent("onFailure, onSuccess, finallyStep and isEnd of the step %s are not served by Musubi.", s.Name)
		}
		runs, err := c.runsHere(s)
		if err != nil {
			return nil, err
		}
		if !runs {
			continue
		}
		step, err := c.step(s.Name, s.Action, s.Inputs, values)
		if err != nil {
			return nil, err
		}
		out = append(out, step)
	}
	old, err := c.oldSteps(values)
	return append(out, old...), err
}

// Windows reports whether a Command document has steps for Windows.
func (c *Content) Windows() bool {
	_, old := c.RuntimeConfig[runPowerShell]
	return old || slices.ContainsFunc(c.MainSteps, func(s docStep) bool { return s.Action == runPowerShell })
}

// runsHere reports whether a step is one for Linux.
func (c *Content) runsHere(s docStep) (bool, error) {
	for operator, operands := range s.Precondition {
		if operator != "StringEquals" || len(operands) != 2 || !strings.Contains(operands[0], "platformType") {
			return false, badContent("The precondition of the step %s is not served by Musubi: only StringEquals of platformType is.", s.Name)
		}
		if operands[1] != "Linux" {
			return false, nil
		}
	}
	return s.Action != runPowerShell, nil
}

// oldSteps are those of the schema 1.2.
func (c *Content) oldSteps(values map[string][]string) ([]Step, error) {
	var out []Step
	for action, config := range c.RuntimeConfig {
		if action == runPowerShell {
			continue
		}
		if len(c.RuntimeConfig) > 1 && action != runShell {
			return nil, badContent("The plug-in %s is not served by Musubi.", action)
		}
		var list []map[string]any
		var one map[string]any
		if json.Unmarshal(config.Properties, &list) != nil {
			if err := json.Unmarshal(config.Properties, &one); err != nil {
				return nil, badContent("The properties of %s are not valid: %v", action, err)
			}
			list = []map[string]any{one}
		}
		for _, p := range list {
			delete(p, "id")
			step, err := c.step(action, action, p, values)
			if err != nil {
				return nil, err
			}
			out = append(out, step)
		}
	}
	return out, nil
}

// step fills in one step.
func (c *Content) step(name, action string, inputs map[string]any, values map[string][]string) (Step, error) {
	s := Step{Name: name, Action: action, TimeoutSeconds: defaultExecution}
	if action != runShell {
		return s, badContent("The action %s of the step %s is not served by Musubi: only %s is.", action, name, runShell)
	}
	filled, _ := c.fill(inputs, values).(map[string]any)
	for key, x := range filled {
		switch key {
		case "runCommand":
			s.Lines = lines(x)
		case "workingDirectory":
			s.WorkDir = text(x)
		case "timeoutSeconds":
			if text(x) == "" {
				continue
			}
			n, err := strconv.Atoi(text(x))
			if err != nil || n < 1 || n > 172800 {
				return s, invalid("InvalidParameters", "The timeoutSeconds %s of the step %s is not valid.", text(x), name)
			}
			s.TimeoutSeconds = n
		default:
			return s, badContent("The input %s of the step %s is not served by Musubi.", key, name)
		}
	}
	if len(s.Lines) == 0 {
		return s, badContent("The step %s has no runCommand.", name)
	}
	return s, nil
}

func lines(x any) (out []string) {
	switch x := x.(type) {
	case string:
		return []string{x}
	case []any:
		for _, e := range x {
			out = append(out, text(e))
		}
	}
	return slices.Clip(out)
}
