# Application and network load balancers with all that hangs on them: groups of
# every kind, listeners that end TLS, rules, certificates and trust stores. The
# variable step changes everything that can change in place. The test puts the
# certificates beside this file, and a bundle and lists into the bucket.

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

locals {
  later = var.step > 1
}

provider "aws" {
  default_tags {
    tags = { Project = "balancing" }
  }
}

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

resource "aws_vpc" "this" {
  cidr_block                       = "10.0.0.0/16"
  enable_dns_hostnames             = true
  assign_generated_ipv6_cidr_block = true
}

resource "aws_subnet" "this" {
  count             = 3
  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 8, count.index + 1)
  ipv6_cidr_block   = cidrsubnet(aws_vpc.this.ipv6_cidr_block, 8, count.index + 1)
  availability_zone = data.aws_availability_zones.all.names[count.index]
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_route" "this" {
  route_table_id         = aws_vpc.this.main_route_table_id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_security_group" "this" {
  count  = 2
  name   = "group-${count.index}"
  vpc_id = aws_vpc.this.id

  ingress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_instance" "web" {
  ami                    = data.aws_ami.al2023.id
  instance_type          = "t3.micro"
  subnet_id              = aws_subnet.this[0].id
  vpc_security_group_ids = [aws_security_group.this[0].id]
  user_data              = <<-EOT
    #!/bin/bash
    dnf install -y httpd
    systemctl start httpd
    echo "Hello" > /var/www/html/index.html
  EOT

  tags = { Name = "web" }
}
