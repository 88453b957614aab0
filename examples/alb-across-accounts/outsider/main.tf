# An account that the service does not allow: to it the service does not exist.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

provider "aws" {
  region     = "ap-northeast-1"
  access_key = "333333333333"
  secret_key = "any"
}

variable "service_name" {
  type = string
}

resource "aws_vpc" "outsider" {
  cidr_block = "10.30.0.0/16"
}

resource "aws_vpc_endpoint" "theirs" {
  vpc_id            = aws_vpc.outsider.id
  service_name      = var.service_name
  vpc_endpoint_type = "Interface"
}
