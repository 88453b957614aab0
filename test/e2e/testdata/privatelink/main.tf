# Load balancers, an endpoint service in one account, endpoints in another and
# in the same one, and private zones. The variable step changes everything that
# can change in place.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

variable "step" {
  type    = number
  default = 1
}

provider "aws" {
  default_tags {
    tags = { Project = "privatelink" }
  }
}

provider "aws" {
  alias      = "consumer"
  access_key = "111111111111"
  secret_key = "any"

  default_tags {
    tags = { Project = "privatelink" }
  }
}

data "aws_caller_identity" "consumer" {
  provider = aws.consumer
}

data "aws_region" "current" {}

data "aws_availability_zones" "all" {
  state = "available"
}

data "aws_ami" "al2023" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = ["al2023-ami-2023*-kernel-*-x86_64"]
  }
}

# The provider's network.
resource "aws_vpc" "provider" {
  cidr_block                       = "10.0.0.0/16"
  enable_dns_hostnames             = true
  assign_generated_ipv6_cidr_block = true
}

resource "aws_subnet" "provider" {
  count             = 3
  vpc_id            = aws_vpc.provider.id
  cidr_block        = cidrsubnet(aws_vpc.provider.cidr_block, 8, count.index + 1)
  ipv6_cidr_block   = cidrsubnet(aws_vpc.provider.ipv6_cidr_block, 8, count.index + 1)
  availability_zone = data.aws_availability_zones.all.names[count.index]
}

resource "aws_internet_gateway" "provider" {
  vpc_id = aws_vpc.provider.id
}

resource "aws_route" "provider" {
  route_table_id         = aws_vpc.provider.main_route_table_id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.provider.id
}

resource "aws_security_group" "web" {
  name   = "web"
  vpc_id = aws_vpc.provider.id
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  security_group_id = aws_security_group.web.id
  ip_protocol       = "-1"
  cidr_ipv4         = "10.0.0.0/16"
}

resource "aws_vpc_security_group_egress_rule" "web" {
  security_group_id = aws_security_group.web.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_instance" "web" {
  count                  = 2
  ami                    = data.aws_ami.al2023.id
  instance_type          = "t3.micro"
  subnet_id              = aws_subnet.provider[count.index].id
  vpc_security_group_ids = [aws_security_group.web.id]
  user_data              = <<-EOT
    #!/bin/bash
    dnf install -y httpd
    systemctl start httpd
    echo "Hello from ${count.index}" > /var/www/html/index.html
  EOT

  tags = { Name = "web-${count.index}" }
}

# The consumer's, with the same range.
resource "aws_vpc" "consumer" {
  provider             = aws.consumer
  cidr_block           = "10.0.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true
}

resource "aws_subnet" "consumer" {
  provider             = aws.consumer
  count                = 2
  vpc_id               = aws_vpc.consumer.id
  cidr_block           = cidrsubnet(aws_vpc.consumer.cidr_block, 8, count.index + 1)
  availability_zone_id = data.aws_availability_zones.all.zone_ids[count.index]
}

resource "aws_security_group" "endpoint" {
  provider = aws.consumer
  count    = 2
  name     = "endpoint-${count.index}"
  vpc_id   = aws_vpc.consumer.id

  ingress {
    protocol    = "tcp"
    from_port   = 80
    to_port     = 80
    cidr_blocks = [aws_vpc.consumer.cidr_block]
  }
}

resource "aws_security_group" "client" {
  provider = aws.consumer
  name     = "client"
  vpc_id   = aws_vpc.consumer.id

  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_instance" "client" {
  provider               = aws.consumer
  ami                    = data.aws_ami.al2023.id
  instance_type          = "t3.micro"
  subnet_id              = aws_subnet.consumer[1].id
  vpc_security_group_ids = [aws_security_group.client.id]

  tags = { Name = "client" }
}
