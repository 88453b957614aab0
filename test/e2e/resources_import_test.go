package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// notImportable are the types that the provider cannot import.
var notImportable = []string{
	"aws_acm_certificate_validation",
	"aws_ami_copy",
	"aws_ami_from_instance",
	"aws_ebs_snapshot_copy",
	"aws_lb_target_group_attachment",
	"aws_main_route_table_association",
	"aws_vpc_endpoint_security_group_association",
	"aws_vpc_endpoint_service_allowed_principal",
	"aws_vpc_endpoint_service_private_dns_verification",
}

// importIDs are the types whose import id is not their id.
var importIDs = map[string]func(v map[string]any) string{
	"aws_ami_launch_permission": func(v map[string]any) string {
		if account, ok := v["account_id"].(string); ok && account != "" {
			return fmt.Sprint(account, "/", v["image_id"])
		}
		return fmt.Sprint(v["group"], "/", v["image_id"])
	},
	"aws_default_route_table":                  parts("", "vpc_id"),
	"aws_iam_role_policy_attachment":           parts("/", "role", "policy_arn"),
	"aws_iam_server_certificate":               parts("", "name"),
	"aws_internet_gateway_attachment":          parts(":", "internet_gateway_id", "vpc_id"),
	"aws_network_interface_attachment":         parts("", "attachment_id"),
	"aws_network_interface_sg_attachment":      parts("_", "network_interface_id", "security_group_id"),
	"aws_route_table_association":              parts("/", "subnet_id", "route_table_id"),
	"aws_security_group_rule":                  ruleImportID,
	"aws_vpc_dhcp_options_association":         parts("", "vpc_id"),
	"aws_vpc_endpoint_private_dns":             parts("", "vpc_endpoint_id"),
	"aws_vpc_endpoint_subnet_association":      parts("/", "vpc_endpoint_id", "subnet_id"),
	"aws_vpc_endpoint_route_table_association": parts("/", "vpc_endpoint_id", "route_table_id"),
	"aws_route": func(v map[string]any) string {
		return fmt.Sprint(v["route_table_id"], "_", v["destination_cidr_block"], v["destination_ipv6_cidr_block"])
	},
}

// onlyInState are the attributes, by type or by address, that the provider keeps
// in its state and can not read: an import plans to set them, whatever the
// server says.
var onlyInState = map[string][]string{
	"aws_acm_certificate":        {"certificate_body", "certificate_chain", "private_key"},
	"aws_lb_trust_store":         {"ca_certificates_bundle_s3_bucket", "ca_certificates_bundle_s3_key"},
	"aws_default_route_table":    {"route"}, // `route = []` says more than no route at all
	"aws_default_security_group": {"revoke_rules_on_delete"},
	"aws_eip":                    {"associate_with_private_ip"},
	"aws_iam_role":               {"force_detach_policies"},
	// The addresses become unknown because user data is to be set, and an import
	// takes the default tags of a volume for its own.
	"aws_instance": {"force_destroy", "public_dns", "public_ip", "root_block_device", "user_data", "user_data_base64", "user_data_replace_on_change", "volume_tags"},
	// An import reads a target group as target_group_arn and as forward.
	"aws_lb_listener":      {"default_action"},
	"aws_lb_listener_rule": {"action"},
	// Of a group of type alb it reads none of the attributes.
	"aws_lb_target_group.alb": {"deregistration_delay", "slow_start"},
	"aws_lb_target_group":     {"lambda_multi_value_headers_enabled", "proxy_protocol_v2"},
	"aws_network_interface":   {"ipv6_address_list_enabled", "private_ip_list_enabled"},
	"aws_route53_record":      {"allow_overwrite"},
	"aws_route53_zone":        {"force_destroy"},
	"aws_security_group":      {"revoke_rules_on_delete"},
	"aws_vpc_endpoint":        {"auto_accept", "subnet_configuration"},
}

// neverRead are the attributes that the provider can not read and that make it
// want a new resource after an import.
var neverRead = map[string][]string{
	"aws_instance":                  {"network_interface"},
	"aws_key_pair":                  {"public_key"},
	"aws_lb_trust_store_revocation": {"revocations_s3_bucket", "revocations_s3_key"},
}

// parts joins attributes.
func parts(separator string, names ...string) func(map[string]any) string {
	return func(v map[string]any) string {
		var s []string
		for _, n := range names {
			s = append(s, fmt.Sprint(v[n]))
		}
		return strings.Join(s, separator)
	}
}

func ruleImportID(v map[string]any) string {
	id := []string{fmt.Sprint(v["security_group_id"]), fmt.Sprint(v["type"]), fmt.Sprint(v["protocol"]), fmt.Sprint(v["from_port"]), fmt.Sprint(v["to_port"])}
	for _, list := range []string{"cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids"} {
		cidrs, _ := v[list].([]any)
		for _, c := range cidrs {
			id = append(id, c.(string))
		}
	}
	if s, _ := v["source_security_group_id"].(string); s != "" {
		id = append(id, s)
	}
	if v["self"] == true {
		id = append(id, "self")
	}
	return strings.Join(id, "_")
}

// stateModule is a module of `terraform show -json`.
type stateModule struct {
	Resources []struct {
		Address, Mode, Type string
		Values              map[string]any
	}
	Children []stateModule `json:"child_modules"`
}

// importsUnchanged imports all that Terraform has made into an empty state, and
// fails the test if the plan for that wants to change anything.
func (tf *terraform) importsUnchanged(vars ...string) {
	tf.m.t.Helper()
	var state struct {
		Values struct {
			Root stateModule `json:"root_module"`
		}
	}
	if err := json.Unmarshal([]byte(tf.must("show", "-json")), &state); err != nil {
		tf.m.t.Fatal(err)
	}
	var blocks strings.Builder
	n := importBlocks(&blocks, state.Values.Root)
	imported := &terraform{m: tf.m, dir: tf.dir + "-import", env: tf.env}
	if err := os.CopyFS(imported.dir, os.DirFS(tf.dir)); err != nil {
		tf.m.t.Fatal(err)
	}
	for _, s := range []string{"terraform.tfstate", "terraform.tfstate.backup"} {
		if err := os.Remove(filepath.Join(imported.dir, s)); err != nil && !os.IsNotExist(err) {
			tf.m.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(imported.dir, "imports.tf"), []byte(blocks.String()), 0o644); err != nil {
		tf.m.t.Fatal(err)
	}
	args := []string{"plan", "-input=false", "-no-color", "-out=plan"}
	for _, v := range vars {
		args = append(args, "-var", v)
	}
	imported.must(args...)
	if got := imported.checkImport(); got != n {
		tf.m.t.Errorf("%d of %d resources were imported", got, n)
	}
	if err := os.RemoveAll(imported.dir); err != nil {
		tf.m.t.Fatal(err)
	}
}

// importBlocks writes an import block for each resource that can be imported.
func importBlocks(b *strings.Builder, m stateModule) int {
	n := 0
	for _, r := range m.Resources {
		if r.Mode != "managed" || slices.Contains(notImportable, r.Type) {
			continue
		}
		id := fmt.Sprint(r.Values["id"])
		if f := importIDs[r.Type]; f != nil {
			id = f(r.Values)
		}
		fmt.Fprintf(b, "import {\n  to = %s\n  id = %q\n}\n\n", r.Address, id)
		n++
	}
	for _, c := range m.Children {
		n += importBlocks(b, c)
	}
	return n
}

// checkImport looks into the saved plan, and returns how much it imports.
func (tf *terraform) checkImport() int {
	tf.m.t.Helper()
	var plan struct {
		Changes []struct {
			Address, Type, Mode string
			Change              struct {
				Actions       []string
				Before, After map[string]any
				Importing     *struct{ ID string }
				ReplacePaths  [][]any `json:"replace_paths"`
			}
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(tf.must("show", "-json", "plan")), &plan); err != nil {
		tf.m.t.Fatal(err)
	}
	n := 0
	for _, c := range plan.Changes {
		if c.Mode != "managed" || slices.Contains(notImportable, c.Type) {
			continue
		}
		if c.Change.Importing != nil {
			n++
		}
		if slices.Equal(c.Change.Actions, []string{"no-op"}) {
			continue
		}
		if onlyUnread(c.Change.ReplacePaths, neverRead[c.Type]) {
			continue
		}
		differ := []string{}
		for name := range union(c.Change.Before, c.Change.After) {
			if !reflect.DeepEqual(c.Change.Before[name], c.Change.After[name]) && !slices.Contains(onlyInState[c.Type], name) &&
				!slices.Contains(onlyInState[c.Address], name) {
				differ = append(differ, fmt.Sprintf("%s: %v -> %v", name, c.Change.Before[name], c.Change.After[name]))
			}
		}
		if len(differ) > 0 || !slices.Equal(c.Change.Actions, []string{"update"}) {
			tf.m.t.Errorf("after its import Terraform wants to %v %s:\n%s", c.Change.Actions, c.Address, strings.Join(differ, "\n"))
		}
	}
	return n
}

// onlyUnread reports whether what makes Terraform want a new resource is in a
// list of attributes.
func onlyUnread(paths [][]any, unread []string) bool {
	for _, p := range paths {
		if name, ok := p[0].(string); !ok || !slices.Contains(unread, name) {
			return false
		}
	}
	return len(paths) > 0
}

func union(a, b map[string]any) map[string]any {
	u := maps.Clone(a)
	if u == nil {
		return b
	}
	maps.Copy(u, b)
	return u
}
