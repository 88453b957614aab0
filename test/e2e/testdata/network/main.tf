# Networks in two regions and two accounts in one configuration. The variable
# step changes everything that can change in place.

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
  tags = merge({ Project = "network" }, var.step > 1 ? { Stage = "second" } : { Removed = "later" })
}

provider "aws" {
  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias  = "osaka"
  region = "ap-northeast-3"

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias      = "other"
  region     = "us-east-1"
  access_key = "111111111111"
  secret_key = "any"

  default_tags {
    tags = local.tags
  }
}

module "vpc" {
  for_each       = { main = "10.0.0.0/16", second = "10.1.0.0/16" }
  source         = "./modules/vpc"
  name           = each.key
  cidr           = each.value
  secondary_cidr = each.key == "main" ? "10.200.0.0/16" : null
  zones          = each.key == "main" ? 3 : 1
  nat            = each.key == "main"
  step           = var.step
}

# The same range again, elsewhere.
module "osaka" {
  source    = "./modules/vpc"
  providers = { aws = aws.osaka }
  name      = "main"
  cidr      = "10.0.0.0/16"
  zones     = 2
  step      = var.step
}

module "other" {
  source    = "./modules/vpc"
  providers = { aws = aws.other }
  name      = "main"
  cidr      = "10.0.0.0/16"
  zones     = 2
  nat       = true
  step      = var.step
}

data "aws_caller_identity" "here" {}

data "aws_caller_identity" "other" {
  provider = aws.other
}

data "aws_region" "here" {}

data "aws_region" "osaka" {
  provider = aws.osaka
}

data "aws_partition" "here" {}

data "aws_regions" "all" {}

data "aws_availability_zone" "first" {
  name = "${data.aws_region.here.name}a"
}

output "identity" {
  value = join(" ", [
    data.aws_caller_identity.here.account_id, data.aws_caller_identity.other.account_id,
    data.aws_region.here.name, data.aws_region.osaka.name,
    data.aws_partition.here.partition, data.aws_partition.here.dns_suffix,
    data.aws_availability_zone.first.zone_id,
  ])
}

# Subnets of the secondary range, and route tables with their routes inside.
resource "aws_subnet" "secondary" {
  vpc_id            = module.vpc["main"].vpc_id
  cidr_block        = cidrsubnet(module.vpc["main"].secondary_cidr, 4, 0)
  availability_zone = data.aws_availability_zone.first.name
}

resource "aws_route_table" "inline" {
  vpc_id = module.vpc["main"].vpc_id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = module.vpc["main"].internet_gateway_id
  }

  dynamic "route" {
    for_each = var.step > 1 ? ["10.9.0.0/16"] : ["10.8.0.0/16", "10.7.0.0/16"]
    content {
      cidr_block           = route.value
      network_interface_id = aws_network_interface.appliance.id
    }
  }
}

resource "aws_main_route_table_association" "plain" {
  vpc_id         = aws_vpc.plain.id
  route_table_id = aws_route_table.plain[var.step > 1 ? 1 : 0].id
}

resource "aws_route_table" "plain" {
  count  = 2
  vpc_id = aws_vpc.plain.id
}

resource "aws_nat_gateway" "private" {
  connectivity_type = "private"
  subnet_id         = aws_subnet.secondary.id
}

resource "aws_internet_gateway" "detached" {}

resource "aws_internet_gateway_attachment" "third" {
  internet_gateway_id = aws_internet_gateway.detached.id
  vpc_id              = aws_vpc.plain.id
}

# The least that one can say; step 2 gives it IPv6.
resource "aws_vpc" "plain" {
  cidr_block                       = "192.168.0.0/24"
  assign_generated_ipv6_cidr_block = var.step > 1
}
