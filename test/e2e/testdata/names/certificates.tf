resource "aws_acm_certificate" "validated" {
  domain_name               = "names.test"
  subject_alternative_names = ["*.names.test", "www.sub.names.test"]
  validation_method         = "DNS"
  key_algorithm             = "EC_prime256v1"

  options {
    certificate_transparency_logging_preference = local.later ? "DISABLED" : "ENABLED"
  }

  tags = { Name = "validated-${var.step}" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = {
    for o in aws_acm_certificate.validated.domain_validation_options : o.domain_name => o
  }
  allow_overwrite = true
  zone_id         = endswith(each.key, "sub.names.test") ? aws_route53_zone.delegated.zone_id : aws_route53_zone.public.zone_id
  name            = each.value.resource_record_name
  type            = each.value.resource_record_type
  ttl             = 60
  records         = [each.value.resource_record_value]
}

resource "aws_acm_certificate_validation" "validated" {
  certificate_arn         = aws_acm_certificate.validated.arn
  validation_record_fqdns = [for r in aws_route53_record.validation : r.fqdn]

  depends_on = [aws_route53_record.delegation]
}

# One that nobody validates.
resource "aws_acm_certificate" "pending" {
  domain_name       = "pending.names.test"
  validation_method = "DNS"

  tags = { Name = "pending-${var.step}" }
}

resource "aws_acm_certificate" "imported" {
  certificate_body  = file("${path.module}/${local.later ? "a2" : "a1"}.pem")
  private_key       = file("${path.module}/${local.later ? "a2" : "a1"}.key")
  certificate_chain = file("${path.module}/ca.pem")
}

data "aws_acm_certificate" "issued" {
  domain      = "names.test"
  statuses    = ["ISSUED"]
  types       = ["AMAZON_ISSUED"]
  key_types   = ["EC_prime256v1"]
  most_recent = true
  depends_on  = [aws_acm_certificate_validation.validated]
}

data "aws_acm_certificate" "imported" {
  domain     = "a.example.com"
  types      = ["IMPORTED"]
  key_types  = ["EC_prime256v1"]
  depends_on = [aws_acm_certificate.imported]
}
