# Every resource of endpoint services and endpoints on its own, between two
# accounts: principals, acceptance, notifications, private names, policies,
# subnets and security groups. The variable step changes what can change in place.

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
    tags = { Project = "endpoints" }
  }
}

provider "aws" {
  alias      = "consumer"
  access_key = "111111111111"
  secret_key = "any"
}

data "aws_availability_zones" "all" {
  state = "available"
}

resource "aws_vpc" "provider" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "provider" {
  count                = 2
  vpc_id               = aws_vpc.provider.id
  cidr_block           = cidrsubnet(aws_vpc.provider.cidr_block, 8, count.index + 1)
  availability_zone_id = data.aws_availability_zones.all.zone_ids[count.index]
}

resource "aws_lb" "this" {
  name               = "service"
  internal           = true
  load_balancer_type = "network"
  subnets            = aws_subnet.provider[*].id
}

resource "aws_vpc" "consumer" {
  provider             = aws.consumer
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_subnet" "consumer" {
  provider             = aws.consumer
  count                = 2
  vpc_id               = aws_vpc.consumer.id
  cidr_block           = cidrsubnet(aws_vpc.consumer.cidr_block, 8, count.index + 1)
  availability_zone_id = data.aws_availability_zones.all.zone_ids[count.index]
}

resource "aws_security_group" "consumer" {
  provider = aws.consumer
  count    = 3
  name     = "group-${count.index}"
  vpc_id   = aws_vpc.consumer.id
}
