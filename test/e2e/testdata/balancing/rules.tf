# Each condition and each action; step 2 changes them and their order.
resource "aws_lb_listener_rule" "forward" {
  listener_arn = aws_lb_listener.http.arn
  priority     = local.later ? 15 : 10

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.http["HTTP1"].arn
  }

  condition {
    host_header {
      values = local.later ? ["*.example.com"] : ["www.example.com", "example.com"]
    }
  }

  condition {
    path_pattern {
      values = local.later ? ["/api/*", "/v?/*"] : ["/api/*"]
    }
  }

  tags = { Name = "forward-${var.step}" }
}

resource "aws_lb_listener_rule" "weighted" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 20

  action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.http["HTTP1"].arn
        weight = local.later ? 1 : 999
      }

      target_group {
        arn    = aws_lb_target_group.sticky.arn
        weight = local.later ? 100 : 1
      }

      stickiness {
        enabled  = true
        duration = local.later ? 60 : 3600
      }
    }
  }

  condition {
    http_header {
      http_header_name = local.later ? "User-Agent" : "X-Kind"
      values           = ["*curl*", "wget ${var.step}"]
    }
  }

  condition {
    http_request_method {
      values = local.later ? ["POST"] : ["GET", "HEAD"]
    }
  }

  condition {
    source_ip {
      values = ["10.${var.step}.0.0/16"]
    }
  }
}

resource "aws_lb_listener_rule" "redirect" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 30

  action {
    type  = "redirect"
    order = 1

    redirect {
      host        = "${local.later ? "next" : "other"}.#{host}"
      path        = "/${var.step}/#{path}"
      port        = local.later ? "#{port}" : "8443"
      protocol    = local.later ? "#{protocol}" : "HTTPS"
      query       = "from=#{host}&#{query}"
      status_code = local.later ? "HTTP_302" : "HTTP_301"
    }
  }

  condition {
    query_string {
      key   = "go"
      value = local.later ? "away*" : "away"
    }

    query_string {
      value = "please"
    }
  }
}

resource "aws_lb_listener_rule" "fixed" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 40

  action {
    type = "fixed-response"

    fixed_response {
      content_type = local.later ? "application/json" : "text/plain"
      message_body = local.later ? jsonencode({ step = 2 }) : "step 1"
      status_code  = local.later ? "403" : "200"
    }
  }

  condition {
    path_pattern {
      values = ["/fixed"]
    }
  }
}

# Takes the next priority by itself, the last there is; step 2 makes another kind of action of it.
resource "aws_lb_listener_rule" "next" {
  listener_arn = aws_lb_listener.https.arn

  action {
    type             = local.later ? "fixed-response" : "forward"
    target_group_arn = local.later ? null : aws_lb_target_group.http["GRPC"].arn

    dynamic "fixed_response" {
      for_each = local.later ? [1] : []
      content {
        content_type = "text/css"
        status_code  = "404"
      }
    }
  }

  condition {
    http_header {
      http_header_name = "content-type"
      values           = ["application/grpc*"]
    }
  }

  depends_on = [aws_lb_listener_rule.http2]
}

resource "aws_lb_listener_rule" "http2" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 49999

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.http["HTTP2"].arn
  }

  condition {
    http_header {
      http_header_name = "X-A"
      values           = ["a"]
    }
  }

  condition {
    http_header {
      http_header_name = "X-B"
      values           = ["b"]
    }
  }
}
