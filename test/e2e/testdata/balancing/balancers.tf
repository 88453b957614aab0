resource "aws_lb" "app" {
  name               = "app"
  internal           = true
  load_balancer_type = "application"
  ip_address_type    = local.later ? "dualstack" : "ipv4"
  subnets            = slice(aws_subnet.this[*].id, 0, local.later ? 3 : 2)
  security_groups    = local.later ? aws_security_group.this[*].id : [aws_security_group.this[0].id]

  client_keep_alive                           = local.later ? 600 : 3600
  desync_mitigation_mode                      = local.later ? "strictest" : "monitor"
  drop_invalid_header_fields                  = local.later
  enable_cross_zone_load_balancing            = true
  enable_deletion_protection                  = !local.later
  enable_http2                                = !local.later
  enable_tls_version_and_cipher_suite_headers = local.later
  enable_waf_fail_open                        = false
  enable_xff_client_port                      = local.later
  enable_zonal_shift                          = false
  idle_timeout                                = local.later ? 400 : 60
  preserve_host_header                        = local.later
  xff_header_processing_mode                  = local.later ? "preserve" : "remove"

  access_logs {
    bucket  = "logs"
    prefix  = local.later ? "app" : "first/app"
    enabled = true
  }

  connection_logs {
    bucket  = "logs"
    prefix  = "connections"
    enabled = local.later
  }

  tags = { Name = "app-${var.step}" }
}

# Facing the internet, with the VPC's own security group and AWS's defaults.
resource "aws_lb" "public" {
  name_prefix = "pub-"

  dynamic "subnet_mapping" {
    for_each = slice(aws_subnet.this[*].id, 0, 2)
    content {
      subnet_id = subnet_mapping.value
    }
  }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_lb" "net" {
  name                                                         = "net"
  internal                                                     = true
  load_balancer_type                                           = "network"
  ip_address_type                                              = "dualstack"
  security_groups                                              = [aws_security_group.this[local.later ? 1 : 0].id]
  enforce_security_group_inbound_rules_on_private_link_traffic = local.later ? "off" : "on"
  enable_cross_zone_load_balancing                             = local.later
  enable_deletion_protection                                   = !local.later
  dns_record_client_routing_policy                             = "any_availability_zone"

  dynamic "subnet_mapping" {
    for_each = slice(aws_subnet.this[*].id, 0, local.later ? 2 : 1)
    content {
      subnet_id            = subnet_mapping.value
      private_ipv4_address = cidrhost(aws_subnet.this[subnet_mapping.key].cidr_block, 100)
      ipv6_address         = cidrhost(aws_subnet.this[subnet_mapping.key].ipv6_cidr_block, 100)
    }
  }

  tags = { Name = "net-${var.step}" }
}

data "aws_lb" "app" {
  arn = aws_lb.app.arn
}

data "aws_lb" "net" {
  name       = "net"
  depends_on = [aws_lb.net]
}

data "aws_lbs" "all" {
  tags       = { Project = "balancing" }
  depends_on = [aws_lb.app, aws_lb.public, aws_lb.net]
}

data "aws_lb_hosted_zone_id" "this" {
  for_each           = toset(["application", "network"])
  load_balancer_type = each.value
}

data "aws_lb_target_group" "all" {
  for_each = aws_lb_target_group.http
  arn      = each.value.arn
}

data "aws_lb_target_group" "alb" {
  name       = "alb"
  depends_on = [aws_lb_target_group.alb]
}

data "aws_lb_listener" "https" {
  arn = aws_lb_listener.https.arn
}

data "aws_lb_listener" "tls" {
  load_balancer_arn = aws_lb.net.arn
  port              = aws_lb_listener.tls.port
}

data "aws_lb_listener_rule" "by_arn" {
  arn = aws_lb_listener_rule.weighted.arn
}

data "aws_lb_listener_rule" "by_priority" {
  listener_arn = aws_lb_listener.http.arn
  priority     = aws_lb_listener_rule.redirect.priority
}

data "aws_lb_trust_store" "this" {
  name       = "clients"
  depends_on = [aws_lb_trust_store.clients]
}

output "found" {
  value = {
    all           = length(data.aws_lbs.all.arns)
    zone_ids      = data.aws_lb_hosted_zone_id.this["application"].id == aws_lb.app.zone_id && data.aws_lb_hosted_zone_id.this["network"].id == aws_lb.net.zone_id
    keep_alive    = data.aws_lb.app.client_keep_alive
    logs          = data.aws_lb.app.access_logs[0].bucket
    net           = data.aws_lb.net.load_balancer_type
    versions      = join(" ", [for k in sort(keys(aws_lb_target_group.http)) : data.aws_lb_target_group.all[k].protocol_version])
    target_type   = data.aws_lb_target_group.alb.target_type
    trust         = data.aws_lb_listener.https.mutual_authentication[0].trust_store_arn == data.aws_lb_trust_store.this.arn
    alpn          = data.aws_lb_listener.tls.alpn_policy
    weights       = join(" ", flatten([for a in data.aws_lb_listener_rule.by_arn.action : sort([for g in a.forward.target_group : tostring(g.weight)])]))
    redirect      = join(" ", [for a in data.aws_lb_listener_rule.by_priority.action : a.redirect.status_code])
    redirect_host = join(" ", [for a in data.aws_lb_listener_rule.by_priority.action : a.redirect.host])
  }
}

output "dns_name" {
  value = aws_lb.app.dns_name
}
