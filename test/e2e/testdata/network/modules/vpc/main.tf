# A VPC as the community's module lays it out: public and private subnets in
# several zones, a NAT gateway per zone, both address families, and the VPC's
# default group and tables taken over.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  type = string
}

variable "cidr" {
  type = string
}

variable "secondary_cidr" {
  type    = string
  default = null
}

variable "zones" {
  type = number
}

variable "nat" {
  description = "Whether each zone has a NAT gateway"
  type        = bool
  default     = false
}

variable "step" {
  type = number
}

data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  azs = slice(data.aws_availability_zones.available.names, 0, var.zones)
}

resource "aws_vpc" "this" {
  cidr_block                           = var.cidr
  instance_tenancy                     = "default"
  enable_dns_support                   = true
  enable_dns_hostnames                 = var.step > 1
  enable_network_address_usage_metrics = var.step > 1
  assign_generated_ipv6_cidr_block     = true

  tags = {
    Name = var.name
  }
}

resource "aws_vpc_ipv4_cidr_block_association" "secondary" {
  count      = var.secondary_cidr == null ? 0 : 1
  vpc_id     = aws_vpc.this.id
  cidr_block = var.secondary_cidr
}

resource "aws_vpc_dhcp_options" "this" {
  domain_name         = "${var.name}.internal"
  domain_name_servers = ["AmazonProvidedDNS"]
  ntp_servers         = ["169.254.169.123"]
  tags                = { Name = var.name }
}

resource "aws_vpc_dhcp_options_association" "this" {
  vpc_id          = aws_vpc.this.id
  dhcp_options_id = aws_vpc_dhcp_options.this.id
}

resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  dynamic "ingress" {
    for_each = var.step > 1 ? [1] : []
    content {
      protocol  = "-1"
      from_port = 0
      to_port   = 0
      self      = true
    }
  }

  tags = { Name = "${var.name}-default" }
}

resource "aws_default_route_table" "this" {
  default_route_table_id = aws_vpc.this.default_route_table_id
  route                  = []
  tags                   = { Name = "${var.name}-default" }
}

resource "aws_subnet" "public" {
  count                                          = length(local.azs)
  vpc_id                                         = aws_vpc.this.id
  availability_zone                              = local.azs[count.index]
  cidr_block                                     = cidrsubnet(var.cidr, 8, count.index)
  ipv6_cidr_block                                = cidrsubnet(aws_vpc.this.ipv6_cidr_block, 8, count.index)
  assign_ipv6_address_on_creation                = var.step > 1
  map_public_ip_on_launch                        = var.step == 1
  enable_resource_name_dns_a_record_on_launch    = var.step > 1
  enable_resource_name_dns_aaaa_record_on_launch = var.step > 1
  private_dns_hostname_type_on_launch            = var.step > 1 ? "resource-name" : "ip-name"

  tags = {
    Name = "${var.name}-public-${local.azs[count.index]}"
  }
}

resource "aws_subnet" "private" {
  for_each             = { for i, id in slice(data.aws_availability_zones.available.zone_ids, 0, var.zones) : id => i }
  vpc_id               = aws_vpc.this.id
  availability_zone_id = each.key
  cidr_block           = cidrsubnet(var.cidr, 8, 128 + each.value)
  # Step 2 gives a subnet that had none an IPv6 range.
  ipv6_cidr_block = var.step > 1 ? cidrsubnet(aws_vpc.this.ipv6_cidr_block, 8, 128 + each.value) : null

  tags = {
    Name = "${var.name}-private-${each.key}"
  }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-public" }
}

resource "aws_route" "public" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id

  timeouts {
    create = "5m"
  }
}

resource "aws_route" "public_ipv6" {
  route_table_id              = aws_route_table.public.id
  destination_ipv6_cidr_block = "::/0"
  gateway_id                  = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  count          = length(aws_subnet.public)
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_eip" "nat" {
  count      = var.nat ? var.zones : 0
  domain     = "vpc"
  tags       = { Name = "${var.name}-nat-${count.index}" }
  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  count         = var.nat ? var.zones : 0
  allocation_id = aws_eip.nat[count.index].id
  subnet_id     = aws_subnet.public[count.index].id
  tags          = { Name = "${var.name}-${count.index}" }
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_route_table" "private" {
  count  = var.zones
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-private-${count.index}" }
}

# Step 2 sends the private subnets' traffic the other way.
resource "aws_route" "private" {
  count                  = var.nat ? var.zones : 0
  route_table_id         = aws_route_table.private[count.index].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[var.step > 1 ? 0 : count.index].id
}

resource "aws_route_table_association" "private" {
  for_each  = { for i, id in slice(data.aws_availability_zones.available.zone_ids, 0, var.zones) : id => i }
  subnet_id = aws_subnet.private[each.key].id
  # Step 2 gives them all the first table.
  route_table_id = aws_route_table.private[var.step > 1 ? 0 : each.value].id
}

output "vpc_id" {
  value = aws_vpc.this.id
}

output "public_subnet_ids" {
  value = aws_subnet.public[*].id
}

output "private_subnet_ids" {
  value = [for s in aws_subnet.private : s.id]
}

output "public_subnets" {
  value = aws_subnet.public
}

output "internet_gateway_id" {
  value = aws_internet_gateway.this.id
}

output "secondary_cidr" {
  value = one(aws_vpc_ipv4_cidr_block_association.secondary[*].cidr_block)
}
