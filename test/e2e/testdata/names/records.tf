resource "aws_route53_record" "weighted" {
  for_each       = { none = 0, few = 10, most = 255 }
  zone_id        = aws_route53_zone.public.zone_id
  name           = "weighted"
  type           = "A"
  ttl            = local.later ? 30 : 60
  records        = ["192.0.2.${var.step}"]
  set_identifier = each.key

  weighted_routing_policy {
    weight = local.later ? 20 : each.value
  }
}

resource "aws_route53_record" "failover" {
  for_each        = { one = "PRIMARY", two = "SECONDARY" }
  zone_id         = aws_route53_zone.public.zone_id
  name            = "failover"
  type            = "CNAME"
  ttl             = 60
  records         = ["${each.key}-${var.step}.names.test"]
  set_identifier  = each.key
  health_check_id = each.value == "PRIMARY" ? aws_route53_health_check.kinds[local.later ? "HTTPS" : "HTTP"].id : null

  failover_routing_policy {
    type = each.value
  }
}

resource "aws_route53_record" "latency" {
  for_each        = { tokyo = "ap-northeast-1", virginia = "us-east-1" }
  zone_id         = aws_route53_zone.public.zone_id
  name            = "latency"
  type            = "AAAA"
  ttl             = 60
  records         = ["2001:db8::${var.step}"]
  set_identifier  = each.key
  health_check_id = local.later ? aws_route53_health_check.calculated.id : null

  latency_routing_policy {
    region = local.later && each.key == "virginia" ? "eu-west-1" : each.value
  }
}

resource "aws_route53_record" "geolocation" {
  for_each = {
    default   = { country = "*" }
    japan     = { country = "JP" }
    europe    = { continent = "EU" }
    tennessee = { country = "US", subdivision = "TN" }
  }
  zone_id        = aws_route53_zone.public.zone_id
  name           = "geolocation"
  type           = "TXT"
  ttl            = 60
  records        = ["${each.key} ${var.step}"]
  set_identifier = each.key

  geolocation_routing_policy {
    continent   = lookup(each.value, "continent", null)
    country     = lookup(each.value, "country", null)
    subdivision = lookup(each.value, "subdivision", null)
  }
}

resource "aws_route53_record" "multivalue" {
  count                            = 3
  zone_id                          = aws_route53_zone.public.zone_id
  name                             = "multivalue"
  type                             = "A"
  ttl                              = 60
  records                          = ["198.51.100.${count.index + var.step}"]
  set_identifier                   = "value ${count.index}"
  multivalue_answer_routing_policy = true
  health_check_id                  = count.index == 0 ? aws_route53_health_check.kinds["HTTP_STR_MATCH"].id : null
}

# An alias with a routing policy, to a name in the same zone.
resource "aws_route53_record" "alias" {
  for_each       = { one = "weighted", two = "multivalue" }
  zone_id        = aws_route53_zone.public.zone_id
  name           = "alias"
  type           = "A"
  set_identifier = each.key

  weighted_routing_policy {
    weight = 10 * var.step
  }

  alias {
    name                   = "${each.value}.names.test"
    zone_id                = aws_route53_zone.public.zone_id
    evaluate_target_health = local.later
  }

  depends_on = [aws_route53_record.weighted, aws_route53_record.multivalue]
}

resource "aws_route53_record" "private" {
  zone_id = aws_route53_zone.private.zone_id
  name    = "db"
  type    = "A"
  ttl     = 60
  records = ["10.0.0.${var.step}"]
}

# Health checks of every kind that is served. Nothing reads a reference name back:
# it is not looked at again, so that an import does not want new health checks.
resource "aws_route53_health_check" "kinds" {
  for_each           = toset(["HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH"])
  reference_name     = lower(replace(each.key, "_", "-"))
  type               = each.key
  fqdn               = "www.names.test"
  port               = local.later ? 8080 : 80
  resource_path      = "/health/${var.step}"
  search_string      = endswith(each.key, "STR_MATCH") ? "ok ${var.step}" : null
  failure_threshold  = local.later ? 2 : 3
  request_interval   = 30
  invert_healthcheck = local.later
  enable_sni         = startswith(each.key, "HTTPS") ? !local.later : null

  tags = { Name = "${each.key}-${var.step}" }

  lifecycle {
    ignore_changes = [reference_name]
  }
}

resource "aws_route53_health_check" "address" {
  type              = "TCP"
  ip_address        = "52.1.2.${var.step}"
  port              = 443
  failure_threshold = "1"
  request_interval  = "10"
  disabled          = local.later
}

resource "aws_route53_health_check" "calculated" {
  type                   = "CALCULATED"
  child_health_threshold = var.step
  child_healthchecks     = local.later ? [aws_route53_health_check.kinds["HTTP"].id, aws_route53_health_check.address.id] : [aws_route53_health_check.kinds["HTTP"].id]
}
