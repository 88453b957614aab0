resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.app.arn
  port              = 80
  protocol          = "HTTP"

  routing_http_response_server_enabled                                = !local.later
  routing_http_response_access_control_allow_credentials_header_value = local.later ? "true" : null
  routing_http_response_access_control_allow_headers_header_value     = local.later ? "x-one,x-two" : "x-one"
  routing_http_response_access_control_allow_methods_header_value     = local.later ? "GET,PUT" : "GET"
  routing_http_response_access_control_allow_origin_header_value      = "https://example.com"
  routing_http_response_access_control_expose_headers_header_value    = "x-${var.step}"
  routing_http_response_access_control_max_age_header_value           = tostring(var.step)
  routing_http_response_content_security_policy_header_value          = "default-src 'self'; report-uri /${var.step}"
  routing_http_response_x_content_type_options_header_value           = "nosniff"
  routing_http_response_x_frame_options_header_value                  = local.later ? "DENY" : "SAMEORIGIN"

  default_action {
    type             = "forward"
    target_group_arn = local.later ? null : aws_lb_target_group.http["HTTP1"].arn

    dynamic "forward" {
      for_each = local.later ? [1] : []
      content {
        target_group {
          arn    = aws_lb_target_group.http["HTTP1"].arn
          weight = 9
        }

        target_group {
          arn    = aws_lb_target_group.sticky.arn
          weight = 0
        }

        stickiness {
          enabled  = true
          duration = 600
        }
      }
    }
  }

  tags = { Name = "http-${var.step}" }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.app.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = local.later ? "ELBSecurityPolicy-TLS13-1-2-Res-2021-06" : "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = local.later ? aws_iam_server_certificate.this.arn : aws_acm_certificate.a.arn

  routing_http_request_x_amzn_mtls_clientcert_header_name               = "X-Client-${var.step}"
  routing_http_request_x_amzn_mtls_clientcert_issuer_header_name        = "X-Issuer"
  routing_http_request_x_amzn_mtls_clientcert_leaf_header_name          = "X-Leaf"
  routing_http_request_x_amzn_mtls_clientcert_serial_number_header_name = "X-Serial"
  routing_http_request_x_amzn_mtls_clientcert_subject_header_name       = "X-Subject"
  routing_http_request_x_amzn_mtls_clientcert_validity_header_name      = "X-Validity"
  routing_http_request_x_amzn_tls_cipher_suite_header_name              = "X-Cipher"
  routing_http_request_x_amzn_tls_version_header_name                   = "X-Version"
  routing_http_response_strict_transport_security_header_value          = "max-age=${var.step}"

  mutual_authentication {
    mode                             = "verify"
    trust_store_arn                  = aws_lb_trust_store.clients.arn
    ignore_client_certificate_expiry = local.later
    advertise_trust_store_ca_names   = local.later ? "on" : "off"
  }

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = local.later ? "text/html" : "text/plain"
      message_body = "step ${var.step}"
      status_code  = local.later ? "503" : "200"
    }
  }
}

resource "aws_lb_listener" "passthrough" {
  load_balancer_arn = aws_lb.public.arn
  port              = local.later ? 8444 : 8443
  protocol          = "HTTPS"
  certificate_arn   = aws_acm_certificate.a.arn

  mutual_authentication {
    mode = local.later ? "off" : "passthrough"
  }

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = local.later ? "HTTP_302" : "HTTP_301"
    }
  }
}

# Plain at first, with TLS in step 2.
resource "aws_lb_listener" "upgraded" {
  load_balancer_arn = aws_lb.public.arn
  port              = 80
  protocol          = local.later ? "HTTPS" : "HTTP"
  ssl_policy        = local.later ? "ELBSecurityPolicy-2016-08" : null
  certificate_arn   = local.later ? aws_acm_certificate.b.arn : null

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.plain.arn
  }
}

resource "aws_lb_target_group" "plain" {
  port     = 80
  protocol = "HTTP"
  vpc_id   = aws_vpc.this.id
}

resource "aws_lb_listener_certificate" "sni" {
  for_each        = { acm = aws_acm_certificate.b.arn, iam = aws_iam_server_certificate.sni.arn }
  listener_arn    = aws_lb_listener.https.arn
  certificate_arn = each.value
}

resource "aws_lb_listener" "tls" {
  load_balancer_arn = aws_lb.net.arn
  port              = 443
  protocol          = "TLS"
  certificate_arn   = local.later ? aws_acm_certificate.b.arn : aws_acm_certificate.a.arn
  ssl_policy        = local.later ? "ELBSecurityPolicy-TLS13-1-2-2021-06" : "ELBSecurityPolicy-TLS13-1-3-2021-06"
  alpn_policy       = local.later ? "HTTP2Optional" : "HTTP2Preferred"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.net["TLS"].arn
  }
}

resource "aws_lb_listener_certificate" "tls" {
  listener_arn    = aws_lb_listener.tls.arn
  certificate_arn = aws_iam_server_certificate.this.arn
}

resource "aws_lb_listener" "tcp" {
  load_balancer_arn        = aws_lb.net.arn
  port                     = 8443
  protocol                 = "TCP"
  tcp_idle_timeout_seconds = local.later ? 60 : 350

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.net["TCP"].arn
  }
}

resource "aws_lb_listener" "datagrams" {
  for_each          = { UDP = 1053, TCP_UDP = 2053 }
  load_balancer_arn = aws_lb.net.arn
  port              = each.value + var.step
  protocol          = each.key

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.net[each.key].arn
  }
}

resource "aws_lb_listener" "alb" {
  load_balancer_arn = aws_lb.net.arn
  port              = 80
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.alb.arn
  }
}
