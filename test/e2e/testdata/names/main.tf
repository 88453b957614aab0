# Route 53 and ACM: records with each routing policy, health checks, zones shared
# between accounts, and certificates that are validated by DNS. The variable step
# changes everything that can change in place.

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
    tags = { Project = "names" }
  }
}

provider "aws" {
  alias      = "other"
  access_key = "111111111111"
  secret_key = "any"
}

resource "aws_vpc" "this" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_vpc" "other" {
  provider             = aws.other
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_route53_zone" "public" {
  name          = "names.test"
  comment       = local.later ? "changed" : "public"
  force_destroy = local.later

  tags = { Name = "public-${var.step}" }
}

resource "aws_route53_zone" "delegated" {
  name = "sub.names.test"
}

resource "aws_route53_record" "delegation" {
  zone_id = aws_route53_zone.public.zone_id
  name    = aws_route53_zone.delegated.name
  type    = "NS"
  ttl     = local.later ? 60 : 172800
  records = aws_route53_zone.delegated.name_servers
}

# Shared with another account's VPC.
resource "aws_route53_zone" "private" {
  name = "names.internal"

  vpc {
    vpc_id = aws_vpc.this.id
  }

  lifecycle {
    ignore_changes = [vpc]
  }
}

resource "aws_route53_vpc_association_authorization" "other" {
  zone_id = aws_route53_zone.private.zone_id
  vpc_id  = aws_vpc.other.id
}

resource "aws_route53_zone_association" "other" {
  provider = aws.other
  zone_id  = aws_route53_vpc_association_authorization.other.zone_id
  vpc_id   = aws_route53_vpc_association_authorization.other.vpc_id
}

data "aws_route53_zone" "public" {
  name       = "names.test."
  depends_on = [aws_route53_zone.public]
}

data "aws_route53_zone" "private" {
  name       = "names.internal"
  vpc_id     = aws_vpc.this.id
  depends_on = [aws_route53_zone.private]
}

data "aws_route53_zones" "all" {
  depends_on = [aws_route53_zone.public, aws_route53_zone.delegated, aws_route53_zone.private]
}

data "aws_route53_records" "routed" {
  zone_id    = aws_route53_zone.public.zone_id
  name_regex = "^(weighted|failover|latency|geolocation|multivalue)\\."

  depends_on = [
    aws_route53_record.weighted, aws_route53_record.failover, aws_route53_record.latency,
    aws_route53_record.geolocation, aws_route53_record.multivalue,
  ]
}

output "found" {
  value = {
    public     = data.aws_route53_zone.public.zone_id == aws_route53_zone.public.zone_id
    private    = data.aws_route53_zone.private.zone_id == aws_route53_zone.private.zone_id
    zones      = length(data.aws_route53_zones.all.ids)
    weights    = join(" ", sort([for r in data.aws_route53_records.routed.resource_record_sets : tostring(r.weight) if r.weight != null]))
    failover   = join(" ", sort([for r in data.aws_route53_records.routed.resource_record_sets : r.failover if r.failover != null && r.failover != ""]))
    regions    = join(" ", sort([for r in data.aws_route53_records.routed.resource_record_sets : r.region if r.region != null && r.region != ""]))
    records    = length(data.aws_route53_records.routed.resource_record_sets)
    issued     = data.aws_acm_certificate.issued.arn == aws_acm_certificate.validated.arn
    issued_pem = startswith(data.aws_acm_certificate.issued.certificate, "-----BEGIN CERTIFICATE-----")
    imported   = data.aws_acm_certificate.imported.status
  }
}
