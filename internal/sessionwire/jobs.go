package sessionwire

import "encoding/json"

// Kinds of Job.
const (
	JobSession = "session" // open a data channel and serve a session
	JobCommand = "command" // run a command of SendCommand
	JobCancel  = "cancel"  // end a command that runs
)

// Job is what the message service asks of an agent over its control channel, in a
// frame of type agent_job, or hands out through ec2messages.
type Job struct {
	// ID is the session's id, or the command's.
	ID      string
	Kind    string
	Session *Session `json:",omitempty"`
	Command *Command `json:",omitempty"`
}

// Session is a session as the agent serves it.
type Session struct {
	ID         string
	InstanceID string
	// Type is a session document's sessionType: Standard_Stream, Port,
	// InteractiveCommands, NonInteractiveCommands.
	Type string
	// Properties are the document's inputs with parameters filled in, as the
	// plugin gets them in the handshake: {"portNumber":"80","type":"LocalPortForwarding",…},
	// {"linux":{"commands":"…","runAsElevated":true}}, …
	Properties json.RawMessage `json:",omitempty"`
	// RunAs is the user that the shell runs as; empty is ssm-user.
	RunAs string `json:",omitempty"`
	// ShellProfile is run first in a Standard_Stream session.
	ShellProfile string `json:",omitempty"`
	// Transcript asks for what was shown, as the session's log.
	Transcript bool `json:",omitempty"`
	// IdleMinutes without input end the session; 0 is 20. MaxMinutes bound its
	// duration; 0 is no bound.
	IdleMinutes, MaxMinutes int `json:",omitempty"`
}

// Command is a command of SendCommand for one instance.
type Command struct {
	ID         string
	InstanceID string
	Document   string // AWS-RunShellScript
	// Steps are run in order: those of the document with parameters filled in.
	Steps []Step
	// Environment is set for all steps.
	Environment []string `json:",omitempty"`
}

// Step is one step (plug-in) of a command.
type Step struct {
	Name string // aws:runShellScript
	// Action is the plug-in: aws:runShellScript.
	Action  string
	Lines   []string
	WorkDir string `json:",omitempty"`
	// TimeoutSeconds is the execution timeout; 3600 if 0.
	TimeoutSeconds int `json:",omitempty"`
}

// Statuses of a command's invocation that an agent reports, as AWS spells them.
const (
	StatusInProgress = "InProgress"
	StatusSuccess    = "Success"
	StatusFailed     = "Failed"
	StatusTimedOut   = "TimedOut"
	StatusCancelled  = "Cancelled"
)

// Reply is what an agent says of a command, in a frame of type agent_job_reply or
// through ec2messages: SendReply.
type Reply struct {
	JobID      string
	InstanceID string
	Status     string
	Steps      []StepResult
}

// StepResult is how a step went. Output and Error are the first 24000 and 8000
// bytes of what it wrote.
type StepResult struct {
	Name     string
	Status   string
	ExitCode int
	Output   string
	Error    string
	// Started and Ended are times of RFC 3339; empty if it has not.
	Started, Ended string
}

// Agent is what an agent says of itself: UpdateInstanceInformation.
type Agent struct {
	InstanceID      string
	Version         string // 3.3.2299.0
	PlatformName    string // Amazon Linux
	PlatformType    string // Linux
	PlatformVersion string // 2023
	IPAddress       string
	ComputerName    string
}
