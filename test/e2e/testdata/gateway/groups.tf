# Security groups name the prefix lists, in each of the ways to write a rule.

data "aws_prefix_list" "s3" {
  name = "com.amazonaws.${data.aws_region.current.name}.s3"
}

data "aws_prefix_list" "by_endpoint" {
  prefix_list_id = aws_vpc_endpoint.apart.prefix_list_id
}

data "aws_ec2_managed_prefix_list" "dynamodb" {
  name = "com.amazonaws.${data.aws_region.current.name}.dynamodb"
}

data "aws_ec2_managed_prefix_list" "filtered" {
  filter {
    name   = "prefix-list-name"
    values = [data.aws_prefix_list.s3.name]
  }
}

data "aws_ec2_managed_prefix_lists" "all" {}

resource "aws_security_group" "inline" {
  name   = "inline"
  vpc_id = aws_vpc.main.id

  egress {
    description     = "S3 ${var.step}"
    from_port       = 443
    to_port         = 443
    protocol        = "tcp"
    prefix_list_ids = local.later ? [data.aws_prefix_list.s3.id, data.aws_ec2_managed_prefix_list.dynamodb.id] : [data.aws_prefix_list.s3.id]
  }

  ingress {
    from_port       = 443
    to_port         = 443
    protocol        = "tcp"
    prefix_list_ids = [data.aws_prefix_list.s3.id]
  }
}

resource "aws_security_group" "rules" {
  name   = "rules"
  vpc_id = aws_vpc.main.id
}

resource "aws_security_group_rule" "s3" {
  security_group_id = aws_security_group.rules.id
  type              = "egress"
  description       = "S3 ${var.step}"
  from_port         = 443
  to_port           = 443
  protocol          = "tcp"
  prefix_list_ids   = [aws_vpc_endpoint.inline.prefix_list_id]
}

resource "aws_vpc_security_group_egress_rule" "dynamodb" {
  security_group_id = aws_security_group.rules.id
  description       = "DynamoDB"
  from_port         = 443
  to_port           = local.later ? 444 : 443
  ip_protocol       = "tcp"
  prefix_list_id    = aws_vpc_endpoint.apart.prefix_list_id
  tags              = { Name = "dynamodb ${var.step}" }
}

resource "aws_vpc_security_group_ingress_rule" "s3" {
  security_group_id = aws_security_group.rules.id
  ip_protocol       = "-1"
  prefix_list_id    = data.aws_prefix_list.s3.id
}

data "aws_vpc_endpoint_service" "s3" {
  service      = "s3"
  service_type = "Gateway"
}

data "aws_vpc_endpoint_service" "interface" {
  service      = "s3"
  service_type = "Interface"
}

data "aws_vpc_endpoint" "inline" {
  vpc_id       = aws_vpc.main.id
  service_name = aws_vpc_endpoint.inline.service_name

  filter {
    name   = "vpc-endpoint-type"
    values = ["Gateway"]
  }
  depends_on = [module.endpoints]
}

output "found" {
  value = {
    service   = "${data.aws_vpc_endpoint_service.s3.owner} ${data.aws_vpc_endpoint_service.s3.service_type} ${data.aws_vpc_endpoint_service.s3.vpc_endpoint_policy_supported}"
    private   = data.aws_vpc_endpoint_service.interface.private_dns_name
    lists     = length(data.aws_ec2_managed_prefix_lists.all.ids)
    managed   = "${data.aws_ec2_managed_prefix_list.dynamodb.owner_id} ${data.aws_ec2_managed_prefix_list.dynamodb.address_family} ${length(data.aws_ec2_managed_prefix_list.dynamodb.entries)}"
    same      = data.aws_ec2_managed_prefix_list.filtered.id == data.aws_prefix_list.s3.id && aws_vpc_endpoint.inline.prefix_list_id == data.aws_prefix_list.s3.id
    blocks    = aws_vpc_endpoint.inline.cidr_blocks == data.aws_prefix_list.s3.cidr_blocks
    name      = data.aws_prefix_list.by_endpoint.name
    read      = "${data.aws_vpc_endpoint.inline.id == aws_vpc_endpoint.inline.id} ${length(data.aws_vpc_endpoint.inline.route_table_ids)} ${data.aws_vpc_endpoint.inline.state}"
    endpoints = join(" ", [for k, e in module.endpoints.endpoints : "${k}:${e.vpc_endpoint_type}"])
  }
}
