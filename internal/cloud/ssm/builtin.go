package ssm

import (
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// portPattern is AWS's pattern of a port's number.
const portPattern = `([1-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$`

// builtins are Amazon's documents, by name.
func builtins() []Document {
	return []Document{
		builtin("AWS-RunShellScript", TypeCommand, runShellScript),
		builtin("AWS-StartInteractiveCommand", TypeSession, commandDocument("InteractiveCommands", "single interactive command")),
		builtin("AWS-StartNonInteractiveCommand", TypeSession, commandDocument("NonInteractiveCommands", "non-interactive command")),
		builtin("AWS-StartPortForwardingSession", TypeSession, portDocument("Document to start port forwarding session over Session Manager", "", "")),
		builtin("AWS-StartPortForwardingSessionToRemoteHost", TypeSession, portDocument("Document to start port forwarding session over Session Manager to remote host",
			`"host": {"type": "String", "description": "(Optional) Hostname or IP address of the destination server", "allowedPattern": "^[^,$^&\\(\\)!;'\"<>`+"`"+`{}\\[\\]\\|#=]{3,}$", "default": "localhost"},`,
			`"host": "{{ host }}",`)),
		builtin("AWS-StartSSHSession", TypeSession, `{
  "schemaVersion": "1.0",
  "description": "Document to start SSH session over Session Manager",
  "sessionType": "Port",
  "parameters": {
    "portNumber": {"type": "String", "description": "(Optional) Port number of SSH server on the instance", "allowedPattern": "^`+portPattern+`", "default": "22"}
  },
  "properties": {
    "portNumber": "{{ portNumber }}"
  }
}`),
	}
}

func builtin(name, kind, content string) Document {
	at := time.Date(2019, 8, 29, 0, 0, 0, 0, time.UTC)
	return Document{Name: name, Type: kind, DefaultVersion: 1, Builtin: true, CreatedAt: at,
		Versions: []DocumentVersion{{Number: 1, Format: "JSON", Content: content, CreatedAt: at}}}
}

func portDocument(description, parameter, property string) string {
	return `{
  "schemaVersion": "1.0",
  "description": "` + description + `",
  "sessionType": "Port",
  "parameters": {
    ` + parameter + `
    "portNumber": {"type": "String", "description": "(Optional) Port number of the server on the instance", "allowedPattern": "^` + portPattern + `", "default": "80"},
    "localPortNumber": {"type": "String", "description": "(Optional) Port number on local machine to forward traffic to. An open port is chosen at run-time if not provided", "allowedPattern": "^(0|` + portPattern[1:len(portPattern)-2] + `)$", "default": "0"}
  },
  "properties": {
    ` + property + `
    "portNumber": "{{ portNumber }}",
    "type": "LocalPortForwarding",
    "localPortNumber": "{{ localPortNumber }}"
  }
}`
}

func commandDocument(kind, what string) string {
	return `{
  "schemaVersion": "1.0",
  "description": "Document to run ` + what + ` on an instance",
  "sessionType": "` + kind + `",
  "parameters": {
    "command": {"type": "String", "description": "(Required) Specify the command to run on the instance"}
  },
  "properties": {
    "linux": {"commands": "{{ command }}", "runAsElevated": false},
    "windows": {"commands": "{{ command }}", "runAsElevated": false},
    "macos": {"commands": "{{ command }}", "runAsElevated": false}
  }
}`
}

const runShellScript = `{
  "schemaVersion": "1.2",
  "description": "Run a shell script or specify the commands to run.",
  "parameters": {
    "commands": {"type": "StringList", "description": "(Required) Specify a shell script or a command to run.", "minItems": 1, "displayType": "textarea"},
    "workingDirectory": {"type": "String", "default": "", "description": "(Optional) The path to the working directory on your instance.", "maxChars": 4096},
    "executionTimeout": {"type": "String", "default": "3600", "description": "(Optional) The time in seconds for a command to complete before it is considered to have failed. Default is 3600 (1 hour). Maximum is 172800 (48 hours).", "allowedPattern": "([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)"}
  },
  "runtimeConfig": {
    "aws:runShellScript": {
      "properties": [
        {"id": "0.aws:runShellScript", "runCommand": "{{ commands }}", "workingDirectory": "{{ workingDirectory }}", "timeoutSeconds": "{{ executionTimeout }}"}
      ]
    }
  }
}`

// refusedDocument refuses Amazon's documents that are known, and are not
// carried out.
func refusedDocument(name string) error {
	switch name {
	case "AWS-RunRemoteScript", "AWS-StartPortForwardingSessionToSocket", "AWS-RunPowerShellScript", "AWS-ConfigureAWSPackage", "AWS-UpdateSSMAgent",
		"AWS-RunPatchBaseline", "AWS-ApplyAnsiblePlaybooks", "AWS-RunDocument", "AWS-GatherSoftwareInventory":
		return cloud.Errorf(cloud.KindUnsupported, "document", "InvalidDocument", "The document %s is not served by Musubi.", name)
	}
	return nil
}
