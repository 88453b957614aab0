resource "aws_route53_zone" "this" {
  provider      = aws.consumer
  name          = "example.local"
  comment       = var.step > 1 ? "changed" : "private"
  force_destroy = true

  vpc {
    vpc_id = aws_vpc.consumer.id
  }

  tags = { Name = "zone-${var.step}" }

  lifecycle {
    ignore_changes = [vpc]
  }
}

resource "aws_vpc" "associated" {
  provider             = aws.consumer
  cidr_block           = "10.2.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_route53_zone_association" "this" {
  provider = aws.consumer
  zone_id  = aws_route53_zone.this.zone_id
  vpc_id   = aws_vpc.associated.id
}

# Two VPCs in it; step 2 has one.
resource "aws_route53_zone" "two" {
  provider = aws.consumer
  name     = "two.local"

  dynamic "vpc" {
    for_each = var.step > 1 ? [aws_vpc.consumer.id] : [aws_vpc.consumer.id, aws_vpc.associated.id]
    content {
      vpc_id = vpc.value
    }
  }
}

resource "aws_route53_record" "endpoint" {
  provider = aws.consumer
  zone_id  = aws_route53_zone.this.zone_id
  name     = "service"
  type     = "A"

  alias {
    name                   = aws_vpc_endpoint.this.dns_entry[0].dns_name
    zone_id                = aws_vpc_endpoint.this.dns_entry[0].hosted_zone_id
    evaluate_target_health = var.step > 1
  }
}

resource "aws_route53_record" "balancer" {
  provider = aws.consumer
  zone_id  = aws_route53_zone.this.zone_id
  name     = "nlb.example.local"
  type     = "A"

  alias {
    name                   = aws_lb.service.dns_name
    zone_id                = aws_lb.service.zone_id
    evaluate_target_health = true
  }
}

locals {
  records = {
    A     = ["10.0.0.1", "10.0.0.${var.step + 1}"]
    AAAA  = ["2001:db8::${var.step}"]
    CNAME = ["service.example.local"]
    MX    = ["10 mail.example.local", "${var.step}0 other.example.local"]
    TXT   = ["step ${var.step}", "v=spf1 -all"]
    SRV   = ["1 10 5269 server.example.local."]
    PTR   = ["host.example.local"]
    CAA   = ["0 issue \"ca.example.com\""]
  }
}

resource "aws_route53_record" "all" {
  provider = aws.consumer
  for_each = local.records
  zone_id  = aws_route53_zone.this.zone_id
  name     = "all-${lower(each.key)}.example.local"
  type     = each.key
  ttl      = var.step > 1 ? 60 : 300
  records  = each.value
}

resource "aws_route53_record" "apex" {
  provider = aws.consumer
  zone_id  = aws_route53_zone.this.zone_id
  name     = ""
  type     = "TXT"
  ttl      = 60
  records  = ["apex"]
}

resource "aws_route53_record" "wildcard" {
  provider = aws.consumer
  zone_id  = aws_route53_zone.this.zone_id
  name     = "*.wild"
  type     = "A"
  ttl      = 60
  records  = ["10.9.9.9"]
}

resource "aws_route53_record" "weighted" {
  provider       = aws.consumer
  for_each       = { one = 10, two = 90 }
  zone_id        = aws_route53_zone.this.zone_id
  name           = "weighted"
  type           = "A"
  ttl            = 60
  records        = ["10.0.0.${each.value}"]
  set_identifier = each.key

  weighted_routing_policy {
    weight = var.step > 1 ? 50 : each.value
  }
}

resource "aws_route53_record" "multivalue" {
  provider                         = aws.consumer
  count                            = 2
  zone_id                          = aws_route53_zone.this.zone_id
  name                             = "multi"
  type                             = "A"
  ttl                              = 60
  records                          = ["10.0.1.${count.index + var.step}"]
  set_identifier                   = tostring(count.index)
  multivalue_answer_routing_policy = true
}

data "aws_route53_zone" "this" {
  provider     = aws.consumer
  name         = "example.local"
  private_zone = true
  depends_on   = [aws_route53_zone.this]
}

output "url" {
  value = "http://${aws_route53_record.endpoint.fqdn}/"
}
