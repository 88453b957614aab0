# Each resource once more, as a data source finds it.

data "aws_vpc" "by_tag" {
  tags       = { Name = "second" }
  depends_on = [module.vpc]
}

data "aws_vpcs" "all" {
  depends_on = [module.vpc]
}

data "aws_subnets" "private" {
  filter {
    name   = "vpc-id"
    values = [module.vpc["main"].vpc_id]
  }

  tags = {
    Name = "main-private-*"
  }
  depends_on = [module.vpc]
}

data "aws_subnet" "one" {
  vpc_id     = module.vpc["main"].vpc_id
  cidr_block = "10.0.0.0/24"
  depends_on = [module.vpc]
}

data "aws_internet_gateway" "main" {
  filter {
    name   = "attachment.vpc-id"
    values = [module.vpc["main"].vpc_id]
  }
  depends_on = [module.vpc]
}

data "aws_nat_gateways" "main" {
  vpc_id     = module.vpc["main"].vpc_id
  depends_on = [module.vpc]
}

data "aws_nat_gateway" "private" {
  id = aws_nat_gateway.private.id
}

data "aws_route_table" "inline" {
  route_table_id = aws_route_table.inline.id
}

data "aws_route_tables" "main" {
  vpc_id     = module.vpc["main"].vpc_id
  depends_on = [module.vpc, aws_route_table.inline]
}

data "aws_route" "inline" {
  route_table_id         = aws_route_table.inline.id
  destination_cidr_block = "0.0.0.0/0"
}

data "aws_security_group" "rules" {
  name       = "rules"
  vpc_id     = module.vpc["main"].vpc_id
  depends_on = [aws_security_group.rules]
}

data "aws_security_groups" "main" {
  filter {
    name   = "vpc-id"
    values = [module.vpc["main"].vpc_id]
  }
  depends_on = [aws_security_group.rules, aws_security_group.inline, aws_security_group.modern, aws_security_group.closed]
}

data "aws_vpc_security_group_rules" "modern" {
  filter {
    name   = "group-id"
    values = [aws_security_group.modern.id]
  }
  depends_on = [aws_vpc_security_group_ingress_rule.http]
}

data "aws_vpc_security_group_rule" "v6" {
  security_group_rule_id = aws_vpc_security_group_ingress_rule.v6.id
}

data "aws_network_interface" "appliance" {
  id = aws_network_interface.appliance.id
}

data "aws_network_interfaces" "plain" {
  filter {
    name   = "subnet-id"
    values = [aws_subnet.secondary.id]
  }
  depends_on = [aws_network_interface.plain, aws_nat_gateway.private]
}

data "aws_eip" "free" {
  id = aws_eip.free.id
}

data "aws_eips" "free" {
  tags       = { Name = "free" }
  depends_on = [aws_eip.free]
}

data "aws_network_acls" "main" {
  vpc_id     = module.vpc["main"].vpc_id
  depends_on = [module.vpc]
}

data "aws_vpc_dhcp_options" "second" {
  dhcp_options_id = data.aws_vpc.by_tag.dhcp_options_id
}

output "found" {
  value = {
    vpcs            = length(data.aws_vpcs.all.ids)
    private_subnets = length(data.aws_subnets.private.ids)
    nat_gateways    = length(data.aws_nat_gateways.main.ids)
    route_tables    = length(data.aws_route_tables.main.ids)
    groups          = length(data.aws_security_groups.main.ids)
    rules           = length(data.aws_vpc_security_group_rules.modern.ids)
    interfaces      = length(data.aws_network_interfaces.plain.ids)
    addresses       = length(data.aws_eips.free.allocation_ids)
    acls            = length(data.aws_network_acls.main.ids)
    regions         = length(data.aws_regions.all.names)
    domain          = data.aws_vpc_dhcp_options.second.domain_name
  }
}
