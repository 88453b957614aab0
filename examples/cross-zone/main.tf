# PrivateLink with cross-zone load balancing, after the article that Musubi was
# asked for: two VPCs with the same address range, a service in one, a consumer
# in the other, and an endpoint between them.

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

variable "cross_zone" {
  description = "Whether the load balancer's nodes send to targets in every zone"
  type        = bool
  default     = false
}

data "aws_region" "current" {}

# Amazon Linux 2023
data "aws_ami" "amazon_linux" {
  most_recent = true
  owners      = ["137112412989"]

  filter {
    name   = "name"
    values = ["al2023-ami-2023*-kernel-*-x86_64"]
  }

  filter {
    name   = "architecture"
    values = ["x86_64"]
  }

  filter {
    name   = "virtualization-type"
    values = ["hvm"]
  }
}

module "provider_vpc" {
  source         = "./modules/vpc"
  vpc_name       = "provider-vpc"
  vpc_cidr_block = "10.0.0.0/16"
}

# The same range on purpose: PrivateLink does not mind.
module "consumer_vpc" {
  source         = "./modules/vpc"
  vpc_name       = "consumer-vpc"
  vpc_cidr_block = "10.0.0.0/16"
}
