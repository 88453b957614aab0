# By mapping, with addresses of one's choice.
resource "aws_lb" "service" {
  name                             = "service"
  internal                         = true
  load_balancer_type               = "network"
  enable_cross_zone_load_balancing = var.step > 1
  enable_deletion_protection       = false
  idle_timeout                     = null

  dynamic "subnet_mapping" {
    for_each = [0, 1]
    content {
      subnet_id            = aws_subnet.provider[subnet_mapping.value].id
      private_ipv4_address = cidrhost(aws_subnet.provider[subnet_mapping.value].cidr_block, 100)
    }
  }

  tags = { Name = "service-${var.step}" }
}

# Facing the internet, by elastic IPs.
resource "aws_eip" "public" {
  count      = 2
  domain     = "vpc"
  depends_on = [aws_internet_gateway.provider]
}

resource "aws_lb" "public" {
  name_prefix        = "pub-"
  load_balancer_type = "network"

  dynamic "subnet_mapping" {
    for_each = aws_eip.public[*].id
    content {
      subnet_id     = aws_subnet.provider[subnet_mapping.key].id
      allocation_id = subnet_mapping.value
    }
  }

  depends_on = [aws_internet_gateway.provider]
}

# With security groups and both address families; step 2 gives it a zone more.
resource "aws_lb" "guarded" {
  load_balancer_type                                           = "network"
  internal                                                     = true
  ip_address_type                                              = var.step > 1 ? "dualstack" : "ipv4"
  subnets                                                      = slice(aws_subnet.provider[*].id, 0, var.step > 1 ? 3 : 2)
  security_groups                                              = var.step > 1 ? [aws_security_group.web.id, aws_security_group.lb.id] : [aws_security_group.lb.id]
  enforce_security_group_inbound_rules_on_private_link_traffic = var.step > 1 ? "off" : "on"
  dns_record_client_routing_policy                             = "any_availability_zone"
  enable_deletion_protection                                   = var.step == 1

  access_logs {
    bucket  = ""
    enabled = false
  }
}

resource "aws_security_group" "lb" {
  name   = "lb"
  vpc_id = aws_vpc.provider.id

  ingress {
    protocol    = "tcp"
    from_port   = 80
    to_port     = 80
    cidr_blocks = ["10.0.0.0/16"]
  }

  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_lb_target_group" "web" {
  name                   = "web"
  port                   = 80
  protocol               = "TCP"
  vpc_id                 = aws_vpc.provider.id
  deregistration_delay   = var.step > 1 ? 10 : 30
  connection_termination = var.step > 1
  preserve_client_ip     = var.step > 1 ? "false" : "true"

  health_check {
    enabled             = true
    protocol            = "TCP"
    port                = "traffic-port"
    interval            = var.step > 1 ? 6 : 5
    timeout             = 2
    healthy_threshold   = var.step > 1 ? 3 : 2
    unhealthy_threshold = 2
  }

  tags = { Name = "web-${var.step}" }
}

resource "aws_lb_target_group" "http" {
  name        = "http"
  port        = 80
  protocol    = "TCP"
  target_type = "ip"
  vpc_id      = aws_vpc.provider.id

  health_check {
    protocol            = "HTTP"
    path                = var.step > 1 ? "/" : "/index.html"
    port                = 80
    matcher             = "200-399"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  stickiness {
    enabled = false
    type    = "source_ip"
  }

  load_balancing_cross_zone_enabled = var.step > 1 ? "true" : "use_load_balancer_configuration"
}

resource "aws_lb_target_group" "dns" {
  for_each             = { udp = "UDP", both = "TCP_UDP" }
  name                 = "dns-${each.key}"
  port                 = 53
  protocol             = each.value
  vpc_id               = aws_vpc.provider.id
  deregistration_delay = 0

  health_check {
    protocol = "TCP"
    port     = 80
  }

  target_health_state {
    enable_unhealthy_connection_termination = false
    unhealthy_draining_interval             = 0
  }
}

resource "aws_lb_target_group" "prefix" {
  name_prefix = "pre-"
  port        = 8080
  protocol    = "TCP"
  vpc_id      = aws_vpc.provider.id

  target_group_health {
    dns_failover {
      minimum_healthy_targets_count      = "1"
      minimum_healthy_targets_percentage = "off"
    }

    unhealthy_state_routing {
      minimum_healthy_targets_count      = 1
      minimum_healthy_targets_percentage = "off"
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_target_group_attachment" "web" {
  count            = 2
  target_group_arn = aws_lb_target_group.web.arn
  target_id        = aws_instance.web[count.index].id
  port             = 80
}

resource "aws_lb_target_group_attachment" "http" {
  count             = 2
  target_group_arn  = aws_lb_target_group.http.arn
  target_id         = aws_instance.web[count.index].private_ip
  availability_zone = count.index == 0 ? aws_subnet.provider[0].availability_zone : null
}

resource "aws_lb_target_group_attachment" "prefix" {
  target_group_arn = aws_lb_target_group.prefix.arn
  target_id        = aws_instance.web[1].id
  port             = 80
}

resource "aws_lb_target_group_attachment" "dns" {
  target_group_arn = aws_lb_target_group.dns["udp"].arn
  target_id        = aws_instance.web[0].id
  port             = 5353
}

resource "aws_lb_listener" "web" {
  load_balancer_arn = aws_lb.service.arn
  port              = 80
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }

  tags = { Name = "web-${var.step}" }
}

resource "aws_lb_listener" "udp" {
  load_balancer_arn = aws_lb.service.arn
  port              = var.step > 1 ? 54 : 53
  protocol          = "UDP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.dns["udp"].arn
  }
}

resource "aws_lb_listener" "both" {
  load_balancer_arn = aws_lb.public.arn
  port              = 53
  protocol          = "TCP_UDP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.dns["both"].arn
  }
}

resource "aws_lb_listener" "guarded" {
  load_balancer_arn        = aws_lb.guarded.arn
  port                     = 80
  protocol                 = "TCP"
  tcp_idle_timeout_seconds = var.step > 1 ? 600 : 350

  default_action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.http.arn
        weight = var.step > 1 ? 10 : 100
      }

      target_group {
        arn    = aws_lb_target_group.prefix.arn
        weight = var.step > 1 ? 1 : 0
      }
    }
  }
}

data "aws_lb" "service" {
  name       = "service"
  depends_on = [aws_lb.service]
}

data "aws_lbs" "all" {
  tags       = { Project = "privatelink" }
  depends_on = [aws_lb.service, aws_lb.public, aws_lb.guarded]
}

data "aws_lb_target_group" "web" {
  name       = "web"
  depends_on = [aws_lb_target_group.web]
}

data "aws_lb_listener" "web" {
  arn = aws_lb_listener.web.arn
}

data "aws_lb_hosted_zone_id" "network" {
  load_balancer_type = "network"
}

data "aws_network_interfaces" "service" {
  filter {
    name   = "description"
    values = ["ELB ${aws_lb.service.arn_suffix}"]
  }
}

output "balancers" {
  value = {
    zone_id    = data.aws_lb_hosted_zone_id.network.id == aws_lb.service.zone_id
    interfaces = length(data.aws_network_interfaces.service.ids)
    all        = length(data.aws_lbs.all.arns)
  }
}

output "guarded_dns_name" {
  value = aws_lb.guarded.dns_name
}
