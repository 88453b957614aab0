# What terraform-aws-modules/vpc's module vpc-endpoints makes.

variable "vpc_id" {
  type = string
}

variable "endpoints" {
  type = any
}

variable "subnet_ids" {
  type = list(string)
}

variable "security_group_rules" {
  type = any
}

variable "tags" {
  type = map(string)
}

data "aws_vpc_endpoint_service" "this" {
  for_each     = var.endpoints
  service      = try(each.value.service, null)
  service_name = try(each.value.service_name, null)

  filter {
    name   = "service-type"
    values = [try(each.value.service_type, "Interface")]
  }
}

resource "aws_vpc_endpoint" "this" {
  for_each            = var.endpoints
  vpc_id              = var.vpc_id
  service_name        = data.aws_vpc_endpoint_service.this[each.key].service_name
  vpc_endpoint_type   = try(each.value.service_type, "Interface")
  auto_accept         = try(each.value.auto_accept, null)
  security_group_ids  = try(each.value.service_type, "Interface") == "Interface" ? [aws_security_group.this.id] : null
  subnet_ids          = try(each.value.service_type, "Interface") == "Interface" ? var.subnet_ids : null
  route_table_ids     = try(each.value.service_type, "Interface") == "Gateway" ? lookup(each.value, "route_table_ids", null) : null
  policy              = try(each.value.policy, null)
  private_dns_enabled = try(each.value.service_type, "Interface") == "Interface" ? try(each.value.private_dns_enabled, null) : null
  ip_address_type     = try(each.value.ip_address_type, null)

  dynamic "dns_options" {
    for_each = try([each.value.dns_options], [])
    content {
      dns_record_ip_type                             = try(dns_options.value.dns_record_ip_type, null)
      private_dns_only_for_inbound_resolver_endpoint = try(dns_options.value.private_dns_only_for_inbound_resolver_endpoint, null)
    }
  }

  tags = merge(var.tags, { "Name" = replace(each.key, ".", "-") }, try(each.value.tags, {}))

  timeouts {
    create = "10m"
    update = "10m"
    delete = "10m"
  }
}

resource "aws_security_group" "this" {
  name_prefix            = "vpc-endpoints-"
  description            = "VPC endpoint security group"
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group_rule" "this" {
  for_each                 = var.security_group_rules
  security_group_id        = aws_security_group.this.id
  protocol                 = try(each.value.protocol, "tcp")
  from_port                = try(each.value.from_port, 443)
  to_port                  = try(each.value.to_port, 443)
  type                     = try(each.value.type, "ingress")
  description              = try(each.value.description, null)
  cidr_blocks              = lookup(each.value, "cidr_blocks", null)
  ipv6_cidr_blocks         = lookup(each.value, "ipv6_cidr_blocks", null)
  prefix_list_ids          = lookup(each.value, "prefix_list_ids", null)
  self                     = try(each.value.self, null)
  source_security_group_id = lookup(each.value, "source_security_group_id", null)
}

output "endpoints" {
  value = aws_vpc_endpoint.this
}
