# An instance in a VPC without any gateway. Nothing leads out of it, and yet it
# reaches AWS's APIs, and Session Manager reaches it: by interface endpoints.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

provider "aws" {}

variable "endpoints" {
  description = "Whether the VPC has interface endpoints. Without them the instance reaches nobody"
  type        = bool
  default     = true
}

data "aws_region" "current" {}

data "aws_availability_zones" "available" {
  state = "available"
}

# The newest Amazon Linux 2023, as AWS publishes it.
data "aws_ssm_parameter" "amazon_linux" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

resource "aws_vpc" "alone" {
  cidr_block           = "10.1.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = {
    Name = "no-way-out"
  }
}

resource "aws_subnet" "alone" {
  count             = 2
  vpc_id            = aws_vpc.alone.id
  cidr_block        = cidrsubnet(aws_vpc.alone.cidr_block, 8, count.index + 1)
  availability_zone = data.aws_availability_zones.available.names[count.index]

  tags = {
    Name = "no-way-out-${count.index + 1}"
  }
}
