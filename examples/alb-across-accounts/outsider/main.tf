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

data "aws_vpc_endpoint_service" "theirs" {
  service_name = var.service_name
}
