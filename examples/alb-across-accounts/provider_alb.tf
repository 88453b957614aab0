# The part that exists before anybody thinks of PrivateLink: an internet-facing
# ALB that speaks HTTPS only, with two servers behind it.

resource "aws_security_group" "alb" {
  provider = aws.provider
  name     = "application-lb"
  vpc_id   = aws_vpc.provider.id

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_lb" "alb" {
  provider                   = aws.provider
  name                       = "application-lb"
  load_balancer_type         = "application"
  subnets                    = [for subnet in aws_subnet.public : subnet.id]
  security_groups            = [aws_security_group.alb.id]
  internal                   = false
  enable_deletion_protection = var.deletion_protection
  drop_invalid_header_fields = true

  depends_on = [aws_internet_gateway.provider]
}

resource "aws_lb_target_group" "alb" {
  provider = aws.provider
  name     = "application-lb-tg"
  protocol = "HTTP"
  port     = 80
  vpc_id   = aws_vpc.provider.id

  health_check {
    path     = "/"
    interval = 10
  }
}

resource "aws_lb_listener" "https" {
  provider          = aws.provider
  load_balancer_arn = aws_lb.alb.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = aws_acm_certificate_validation.service.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.alb.arn
  }
}

data "aws_ami" "amazon_linux" {
  provider    = aws.provider
  most_recent = true
  owners      = ["137112412989"]

  filter {
    name   = "name"
    values = ["al2023-ami-2023*-kernel-*-x86_64"]
  }
}

resource "aws_security_group" "server" {
  provider = aws.provider
  name     = "server"
  vpc_id   = aws_vpc.provider.id

  ingress {
    from_port       = 80
    to_port         = 80
    protocol        = "tcp"
    security_groups = [aws_security_group.alb.id]
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_instance" "server" {
  provider               = aws.provider
  for_each               = aws_subnet.private
  ami                    = data.aws_ami.amazon_linux.id
  instance_type          = "t3.micro"
  subnet_id              = each.value.id
  vpc_security_group_ids = [aws_security_group.server.id]

  user_data = <<-EOT
    #!/bin/bash
    dnf install -y httpd
    echo "Hello from the server in zone ${each.key}" > /var/www/html/index.html
    systemctl enable --now httpd
  EOT

  tags = {
    Name = "server-${each.key}"
  }
}

resource "aws_lb_target_group_attachment" "alb" {
  provider         = aws.provider
  for_each         = aws_instance.server
  target_group_arn = aws_lb_target_group.alb.arn
  target_id        = each.value.id
}
