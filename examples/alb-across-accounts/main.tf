# A service behind an internet-facing ALB, offered to a VPC of another account by
# PrivateLink, after the article that Musubi was asked for: the ALB stays as it
# is, an internal NLB has it as its target, and an endpoint service stands before
# the NLB. The consumer has no internet gateway, no NAT gateway and no public
# address.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

# One provider per account. With Musubi an access key of 12 digits is an account;
# on AWS these would be two profiles.
provider "aws" {
  alias      = "provider"
  region     = var.region
  access_key = var.provider_account_id
  secret_key = "any"
}

provider "aws" {
  alias      = "consumer"
  region     = var.region
  access_key = var.consumer_account_id
  secret_key = "any"
}

variable "region" {
  type    = string
  default = "ap-northeast-1"
}

variable "provider_account_id" {
  description = "The account that has the service"
  type        = string
  default     = "111111111111"
}

variable "consumer_account_id" {
  description = "The account that uses it"
  type        = string
  default     = "222222222222"
}

variable "domain" {
  description = "The service's name: on the certificate, on the internet and in the consumer's private zone"
  type        = string
  default     = "service.example.com"
}

variable "deletion_protection" {
  description = "Deletion protection of both load balancers"
  type        = bool
  default     = true
}

variable "subnets_cidr_block" {
  type = object({
    public  = map(string)
    private = map(string)
  })
  default = {
    public = {
      a = "10.10.0.0/24"
      c = "10.10.1.0/24"
    }
    private = {
      a = "10.10.10.0/24"
      c = "10.10.11.0/24"
    }
  }
}
