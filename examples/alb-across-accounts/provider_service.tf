# What PrivateLink adds: an internal NLB whose only target is the ALB, and the
# endpoint service. An ALB can not be offered directly.

resource "aws_lb" "nlb" {
  provider                   = aws.provider
  name                       = "network-lb"
  load_balancer_type         = "network"
  subnets                    = [for subnet in aws_subnet.private : subnet.id]
  internal                   = true
  enable_deletion_protection = var.deletion_protection
}

resource "aws_lb_target_group" "nlb" {
  provider    = aws.provider
  name        = "network-lb-tg"
  protocol    = "TCP"
  port        = 443
  target_type = "alb"
  vpc_id      = aws_vpc.provider.id

  health_check {
    protocol = "HTTPS"
    path     = "/"
    matcher  = "200-399"
    interval = 10
  }
}

resource "aws_lb_target_group_attachment" "nlb" {
  provider         = aws.provider
  target_group_arn = aws_lb_target_group.nlb.arn
  target_id        = aws_lb.alb.arn
  port             = 443

  # AWS refuses an ALB that has no listener on the port.
  depends_on = [aws_lb_listener.https]
}

resource "aws_lb_listener" "nlb" {
  provider          = aws.provider
  load_balancer_arn = aws_lb.nlb.arn
  port              = 443
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.nlb.arn
  }
}

resource "aws_vpc_endpoint_service" "nlb" {
  provider                   = aws.provider
  acceptance_required        = false
  network_load_balancer_arns = [aws_lb.nlb.arn]

  tags = {
    Name = "vpc-ep-service"
  }
}

resource "aws_vpc_endpoint_service_allowed_principal" "nlb" {
  provider                = aws.provider
  vpc_endpoint_service_id = aws_vpc_endpoint_service.nlb.id
  principal_arn           = "arn:aws:iam::${var.consumer_account_id}:root"
}
