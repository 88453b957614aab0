# Service provider: a VPC with public subnets for the ALB and private ones for
# the NLB and the servers.

resource "aws_vpc" "provider" {
  provider             = aws.provider
  cidr_block           = "10.10.0.0/16"
  enable_dns_hostnames = true

  tags = {
    Name = "provider"
  }
}

resource "aws_subnet" "public" {
  provider          = aws.provider
  for_each          = var.subnets_cidr_block.public
  vpc_id            = aws_vpc.provider.id
  cidr_block        = each.value
  availability_zone = "${var.region}${each.key}"

  tags = {
    Name = "provider-public-${var.region}${each.key}"
  }
}

resource "aws_subnet" "private" {
  provider          = aws.provider
  for_each          = var.subnets_cidr_block.private
  vpc_id            = aws_vpc.provider.id
  cidr_block        = each.value
  availability_zone = "${var.region}${each.key}"

  tags = {
    Name = "provider-private-${var.region}${each.key}"
  }
}

resource "aws_internet_gateway" "provider" {
  provider = aws.provider
  vpc_id   = aws_vpc.provider.id
}

resource "aws_route_table" "public" {
  provider = aws.provider
  vpc_id   = aws_vpc.provider.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.provider.id
  }
}

resource "aws_route_table_association" "public" {
  provider       = aws.provider
  for_each       = aws_subnet.public
  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}
