# The certificate is for the service's own domain. Whoever calls the ALB by
# another name, an endpoint's for example, gets it all the same and has to refuse.

resource "aws_route53_zone" "public" {
  provider = aws.provider
  name     = var.domain
}

resource "aws_acm_certificate" "service" {
  provider          = aws.provider
  domain_name       = var.domain
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  provider = aws.provider
  for_each = {
    for o in aws_acm_certificate.service.domain_validation_options : o.domain_name => o
  }
  zone_id = aws_route53_zone.public.zone_id
  name    = each.value.resource_record_name
  type    = each.value.resource_record_type
  records = [each.value.resource_record_value]
  ttl     = 60
}

resource "aws_acm_certificate_validation" "service" {
  provider                = aws.provider
  certificate_arn         = aws_acm_certificate.service.arn
  validation_record_fqdns = [for r in aws_route53_record.validation : r.fqdn]
}

# On the internet the domain leads to the ALB.
resource "aws_route53_record" "public" {
  provider = aws.provider
  zone_id  = aws_route53_zone.public.zone_id
  name     = var.domain
  type     = "A"

  alias {
    name                   = aws_lb.alb.dns_name
    zone_id                = aws_lb.alb.zone_id
    evaluate_target_health = false
  }
}
