# A service over TLS in one account, an endpoint that answers by the service's
# own name in another.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

variable "let_in" {
  type    = bool
  default = true
}

variable "private_name" {
  type    = bool
  default = true
}

variable "alpn" {
  type    = string
  default = "HTTP2Preferred"
}

provider "aws" {}

provider "aws" {
  alias      = "consumer"
  access_key = "111111111111"
  secret_key = "any"
}

data "aws_availability_zones" "all" {
  state = "available"
}

data "aws_ami" "al2023" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = ["al2023-ami-2023*-kernel-*-x86_64"]
  }
}

# The provider.
resource "aws_vpc" "provider" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "provider" {
  count                = 2
  vpc_id               = aws_vpc.provider.id
  cidr_block           = cidrsubnet(aws_vpc.provider.cidr_block, 8, count.index)
  availability_zone_id = data.aws_availability_zones.all.zone_ids[count.index]
}

resource "aws_security_group" "server" {
  name   = "server"
  vpc_id = aws_vpc.provider.id

  ingress {
    protocol    = "tcp"
    from_port   = 80
    to_port     = 80
    cidr_blocks = [aws_vpc.provider.cidr_block]
  }
}

resource "aws_instance" "server" {
  count                  = 2
  ami                    = data.aws_ami.al2023.id
  instance_type          = "t3.micro"
  subnet_id              = aws_subnet.provider[count.index].id
  vpc_security_group_ids = [aws_security_group.server.id]

  user_data = <<-EOF
    #!/bin/bash
    dnf install -y httpd
    echo "server ${count.index}" > /var/www/html/index.html
    systemctl enable --now httpd
  EOF

  tags = { Name = "server${count.index}" }
}

resource "aws_lb" "this" {
  name                             = "service"
  internal                         = true
  load_balancer_type               = "network"
  subnets                          = aws_subnet.provider[*].id
  enable_cross_zone_load_balancing = true
}

resource "aws_lb_target_group" "this" {
  name     = "web"
  port     = 80
  protocol = "TCP"
  vpc_id   = aws_vpc.provider.id

  health_check {
    protocol            = "HTTP"
    path                = "/index.html"
    matcher             = "200"
    interval            = 5
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_target_group_attachment" "this" {
  count            = 2
  target_group_arn = aws_lb_target_group.this.arn
  target_id        = aws_instance.server[count.index].id
}

resource "aws_route53_zone" "this" {
  name = "link.test"
}

resource "aws_acm_certificate" "this" {
  domain_name       = "api.link.test"
  validation_method = "DNS"
}

resource "aws_route53_record" "certificate" {
  for_each = { for o in aws_acm_certificate.this.domain_validation_options : o.domain_name => o }
  zone_id  = aws_route53_zone.this.zone_id
  name     = each.value.resource_record_name
  type     = each.value.resource_record_type
  records  = [each.value.resource_record_value]
  ttl      = 60
}

resource "aws_acm_certificate_validation" "this" {
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for r in aws_route53_record.certificate : r.fqdn]
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "TLS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  alpn_policy       = var.alpn
  certificate_arn   = aws_acm_certificate_validation.this.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_vpc_endpoint_service" "this" {
  acceptance_required        = true
  network_load_balancer_arns = [aws_lb.this.arn]
  private_dns_name           = "api.link.test"
  allowed_principals         = ["arn:aws:iam::111111111111:root"]
}

resource "aws_route53_record" "proof" {
  zone_id = aws_route53_zone.this.zone_id
  name    = "${aws_vpc_endpoint_service.this.private_dns_name_configuration[0].name}.api"
  type    = aws_vpc_endpoint_service.this.private_dns_name_configuration[0].type
  ttl     = 1800
  records = [aws_vpc_endpoint_service.this.private_dns_name_configuration[0].value]
}

resource "aws_vpc_endpoint_service_private_dns_verification" "this" {
  service_id            = aws_vpc_endpoint_service.this.id
  wait_for_verification = true

  depends_on = [aws_route53_record.proof]
}

resource "aws_vpc_endpoint_connection_accepter" "this" {
  vpc_endpoint_service_id = aws_vpc_endpoint_service.this.id
  vpc_endpoint_id         = aws_vpc_endpoint.this.id
}

# The consumer.
resource "aws_vpc" "consumer" {
  provider             = aws.consumer
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_subnet" "consumer" {
  provider             = aws.consumer
  count                = 2
  vpc_id               = aws_vpc.consumer.id
  cidr_block           = cidrsubnet(aws_vpc.consumer.cidr_block, 8, count.index)
  availability_zone_id = data.aws_availability_zones.all.zone_ids[count.index]
}

resource "aws_security_group" "client" {
  provider = aws.consumer
  name     = "client"
  vpc_id   = aws_vpc.consumer.id

  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "endpoint" {
  provider = aws.consumer
  for_each = { open = [aws_security_group.client.id], closed = [] }
  name     = "endpoint-${each.key}"
  vpc_id   = aws_vpc.consumer.id

  dynamic "ingress" {
    for_each = each.value
    content {
      protocol        = "tcp"
      from_port       = 443
      to_port         = 443
      security_groups = [ingress.value]
    }
  }
}

resource "aws_instance" "client" {
  provider               = aws.consumer
  ami                    = data.aws_ami.al2023.id
  instance_type          = "t3.micro"
  subnet_id              = aws_subnet.consumer[0].id
  vpc_security_group_ids = [aws_security_group.client.id]

  tags = { Name = "client" }
}

resource "aws_vpc_endpoint" "this" {
  provider           = aws.consumer
  vpc_id             = aws_vpc.consumer.id
  service_name       = aws_vpc_endpoint_service.this.service_name
  vpc_endpoint_type  = "Interface"
  subnet_ids         = aws_subnet.consumer[*].id
  security_group_ids = [aws_security_group.endpoint[var.let_in ? "open" : "closed"].id]

  lifecycle {
    ignore_changes = [private_dns_enabled]
  }
}

# Possible once the connection is accepted and the name is proven.
resource "aws_vpc_endpoint_private_dns" "this" {
  provider            = aws.consumer
  vpc_endpoint_id     = aws_vpc_endpoint.this.id
  private_dns_enabled = var.private_name

  depends_on = [
    aws_vpc_endpoint_connection_accepter.this,
    aws_vpc_endpoint_service_private_dns_verification.this,
  ]
}

output "name" {
  value = aws_vpc_endpoint.this.dns_entry[0].dns_name
}
