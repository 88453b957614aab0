resource "aws_vpc_endpoint" "inline" {
  vpc_id       = aws_vpc.main.id
  service_name = "com.amazonaws.${data.aws_region.current.name}.s3"
  route_table_ids = local.later ? [aws_route_table.inline.id, aws_route_table.plain[1].id] : [
    aws_route_table.inline.id, aws_route_table.plain[0].id
  ]
  policy = data.aws_iam_policy_document.buckets.json
  tags   = { Name = "s3 ${var.step}" }
}

data "aws_iam_policy_document" "buckets" {
  statement {
    actions   = local.later ? ["s3:GetObject", "s3:ListBucket"] : ["s3:GetObject"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceVpc"
      values   = [aws_vpc.main.id]
    }
  }
}

# What belongs to it is said elsewhere.
resource "aws_vpc_endpoint" "apart" {
  vpc_id            = aws_vpc.main.id
  service_name      = "com.amazonaws.${data.aws_region.current.name}.dynamodb"
  vpc_endpoint_type = "Gateway"
}

resource "aws_vpc_endpoint_route_table_association" "apart" {
  count           = 2
  route_table_id  = aws_route_table.plain[count.index].id
  vpc_endpoint_id = aws_vpc_endpoint.apart.id
}

resource "aws_vpc_endpoint_route_table_association" "default" {
  route_table_id  = aws_vpc.main.default_route_table_id
  vpc_endpoint_id = aws_vpc_endpoint.apart.id
}

resource "aws_vpc_endpoint_policy" "apart" {
  vpc_endpoint_id = aws_vpc_endpoint.apart.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = local.later ? ["dynamodb:*"] : ["dynamodb:GetItem", "dynamodb:Query"]
      Resource  = "*"
    }]
  })
}

module "endpoints" {
  source     = "./modules/endpoints"
  vpc_id     = aws_vpc.main.id
  subnet_ids = local.later ? aws_subnet.main[*].id : [aws_subnet.main[0].id]
  tags       = { Step = var.step }

  security_group_rules = {
    https = { cidr_blocks = local.later ? ["10.0.0.0/8"] : [aws_vpc.main.cidr_block] }
  }

  endpoints = {
    s3 = {
      service             = "s3"
      private_dns_enabled = true
      dns_options         = { private_dns_only_for_inbound_resolver_endpoint = false }
      tags                = { Name = "s3-vpc-endpoint" }
    }
    dynamodb = {
      service         = "dynamodb"
      service_type    = "Gateway"
      route_table_ids = [aws_route_table.inline.id, aws_route_table.plain[2].id]
      policy          = data.aws_iam_policy_document.tables.json
    }
    logs = {
      service             = "logs"
      private_dns_enabled = local.later
    }
  }
}

data "aws_iam_policy_document" "tables" {
  statement {
    effect    = "Deny"
    actions   = ["dynamodb:*"]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringNotEquals"
      variable = "aws:sourceVpc"
      values   = [aws_vpc.main.id]
    }
  }
}
