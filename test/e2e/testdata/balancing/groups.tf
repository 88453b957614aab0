locals {
  versions = { HTTP1 = "HTTP", HTTP2 = "HTTPS", GRPC = "HTTP" }
}

# What application load balancers forward to.
resource "aws_lb_target_group" "http" {
  for_each             = local.versions
  name                 = "http-${lower(each.key)}"
  port                 = 80
  protocol             = each.value
  protocol_version     = each.key
  vpc_id               = aws_vpc.this.id
  deregistration_delay = local.later ? 1 : 2

  health_check {
    enabled             = true
    path                = each.key == "GRPC" ? "/health.Check/${var.step}" : "/"
    port                = "traffic-port"
    protocol            = each.value
    matcher             = each.key == "GRPC" ? "0-${97 + var.step}" : local.later ? "200-299" : "200"
    interval            = local.later ? 6 : 5
    timeout             = local.later ? 3 : 2
    healthy_threshold   = local.later ? 3 : 2
    unhealthy_threshold = local.later ? 4 : 3
  }

  tags = { Name = "${each.key}-${var.step}" }
}

resource "aws_lb_target_group" "sticky" {
  name                              = "sticky"
  port                              = 8080
  protocol                          = "HTTP"
  target_type                       = "ip"
  vpc_id                            = aws_vpc.this.id
  deregistration_delay              = 0
  load_balancing_algorithm_type     = local.later ? "weighted_random" : "round_robin"
  load_balancing_anomaly_mitigation = local.later ? "on" : "off"
  load_balancing_cross_zone_enabled = local.later ? "use_load_balancer_configuration" : "true"
  slow_start                        = local.later ? 0 : 30

  stickiness {
    type            = local.later ? "app_cookie" : "lb_cookie"
    cookie_name     = local.later ? "session" : null
    cookie_duration = local.later ? 60 : 86400
    enabled         = true
  }

  target_group_health {
    dns_failover {
      minimum_healthy_targets_count      = local.later ? "off" : "1"
      minimum_healthy_targets_percentage = local.later ? "50" : "off"
    }

    unhealthy_state_routing {
      minimum_healthy_targets_count      = local.later ? 2 : 1
      minimum_healthy_targets_percentage = local.later ? "50" : "off"
    }
  }
}

resource "aws_lb_target_group" "outstanding" {
  name_prefix                   = "lor-"
  port                          = 80
  protocol                      = "HTTP"
  target_type                   = "ip"
  ip_address_type               = "ipv6"
  vpc_id                        = aws_vpc.this.id
  load_balancing_algorithm_type = local.later ? "round_robin" : "least_outstanding_requests"
}

# What network load balancers forward to.
resource "aws_lb_target_group" "net" {
  for_each               = toset(["TCP", "TLS", "UDP", "TCP_UDP"])
  name                   = "net-${lower(replace(each.key, "_", "-"))}"
  port                   = 443
  protocol               = each.key
  target_type            = each.key == "TCP" ? "ip" : "instance"
  vpc_id                 = aws_vpc.this.id
  connection_termination = each.key == "TCP" ? local.later : null
  preserve_client_ip     = each.key == "TCP" ? tostring(local.later) : null
  proxy_protocol_v2      = each.key == "TCP" ? local.later : false
  deregistration_delay   = 0

  stickiness {
    type    = "source_ip"
    enabled = each.key == "TLS" ? false : local.later
  }

  health_check {
    protocol            = each.key == "TLS" ? "HTTPS" : each.key == "TCP" ? "HTTP" : "TCP"
    path                = contains(["TLS", "TCP"], each.key) ? "/health-${var.step}" : null
    matcher             = contains(["TLS", "TCP"], each.key) ? "200-399" : null
    port                = 80
    interval            = local.later ? 10 : 30
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_target_group" "state" {
  name     = "state"
  port     = 80
  protocol = "TCP"
  vpc_id   = aws_vpc.this.id

  target_health_state {
    enable_unhealthy_connection_termination = !local.later
    unhealthy_draining_interval             = 0
  }
}

resource "aws_lb_target_group" "alb" {
  name        = "alb"
  port        = 80
  protocol    = "TCP"
  target_type = "alb"
  vpc_id      = aws_vpc.this.id

  health_check {
    protocol = local.later ? "HTTPS" : "HTTP"
    path     = "/"
    port     = local.later ? "443" : "traffic-port"
    matcher  = "200-399"
    interval = local.later ? 10 : 30
  }
}

resource "aws_lb_target_group_attachment" "web" {
  for_each         = aws_lb_target_group.http
  target_group_arn = each.value.arn
  target_id        = aws_instance.web.id
  port             = each.key == "HTTP1" ? null : 8443
}

resource "aws_lb_target_group_attachment" "address" {
  target_group_arn = aws_lb_target_group.sticky.arn
  target_id        = aws_instance.web.private_ip
  port             = 80
}

resource "aws_lb_target_group_attachment" "outside" {
  target_group_arn  = aws_lb_target_group.sticky.arn
  target_id         = "192.168.7.7"
  availability_zone = "all"
}

resource "aws_lb_target_group_attachment" "address6" {
  target_group_arn = aws_lb_target_group.outstanding.arn
  target_id        = cidrhost(aws_subnet.this[1].ipv6_cidr_block, 77)
}

resource "aws_lb_target_group_attachment" "net" {
  target_group_arn = aws_lb_target_group.net["TLS"].arn
  target_id        = aws_instance.web.id
}

resource "aws_lb_target_group_attachment" "alb" {
  target_group_arn = aws_lb_target_group.alb.arn
  target_id        = aws_lb.app.arn
  port             = 80
  depends_on       = [aws_lb_listener.http]
}
