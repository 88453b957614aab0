# Security groups and the three ways to write their rules.

resource "aws_security_group" "inline" {
  name        = "inline"
  description = "Rules inside"
  vpc_id      = module.vpc["main"].vpc_id

  ingress {
    description = "HTTP"
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = var.step > 1 ? ["10.0.0.0/8"] : ["10.0.0.0/16", "10.1.0.0/16"]
  }

  ingress {
    description      = "HTTPS for both families"
    from_port        = 443
    to_port          = 443
    protocol         = "tcp"
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }

  ingress {
    description     = var.step > 1 ? "Members, changed" : "Members"
    from_port       = 5000
    to_port         = 5010
    protocol        = "udp"
    self            = true
    security_groups = [aws_security_group.rules.id]
  }

  ingress {
    from_port   = 8
    to_port     = 0
    protocol    = "icmp"
    cidr_blocks = ["10.0.0.0/8"]
  }

  egress {
    from_port        = 0
    to_port          = 0
    protocol         = "-1"
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }

  tags = { Name = "inline" }
}

# A group whose rules are removed: attributes as blocks.
resource "aws_security_group" "closed" {
  name_prefix            = "closed-"
  vpc_id                 = module.vpc["main"].vpc_id
  revoke_rules_on_delete = true
  ingress                = []
  egress                 = []

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group" "rules" {
  name   = "rules"
  vpc_id = module.vpc["main"].vpc_id
}

resource "aws_security_group_rule" "http" {
  for_each          = toset(["80", "8080"])
  type              = "ingress"
  security_group_id = aws_security_group.rules.id
  protocol          = "tcp"
  from_port         = tonumber(each.key)
  to_port           = tonumber(each.key)
  cidr_blocks       = ["10.0.0.0/8", "192.168.0.0/16"]
  description       = var.step > 1 ? "changed" : "HTTP"
}

resource "aws_security_group_rule" "self" {
  type              = "ingress"
  security_group_id = aws_security_group.rules.id
  protocol          = "-1"
  from_port         = 0
  to_port           = 0
  self              = true
}

resource "aws_security_group_rule" "source" {
  type                     = "ingress"
  security_group_id        = aws_security_group.rules.id
  protocol                 = "udp"
  from_port                = 53
  to_port                  = 53
  source_security_group_id = aws_security_group.modern.id
}

resource "aws_security_group_rule" "all_out" {
  type              = "egress"
  security_group_id = aws_security_group.rules.id
  protocol          = "all"
  from_port         = 0
  to_port           = 0
  cidr_blocks       = ["0.0.0.0/0"]
  ipv6_cidr_blocks  = ["::/0"]
}

resource "aws_security_group" "modern" {
  name        = "modern"
  description = "Rules as resources"
  vpc_id      = module.vpc["main"].vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "http" {
  for_each          = { a = "10.0.0.0/16", b = "10.1.0.0/16" }
  security_group_id = aws_security_group.modern.id
  description       = var.step > 1 ? "changed" : "HTTP"
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = var.step > 1 ? 88 : 80
  cidr_ipv4         = each.value
  tags              = { Name = each.key }
}

resource "aws_vpc_security_group_ingress_rule" "v6" {
  security_group_id = aws_security_group.modern.id
  ip_protocol       = "icmpv6"
  from_port         = 128
  to_port           = 0
  cidr_ipv6         = var.step > 1 ? "::/0" : "2001:db8::/32"
}

resource "aws_vpc_security_group_ingress_rule" "group" {
  security_group_id            = aws_security_group.modern.id
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.rules.id
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.modern.id
  ip_protocol       = "-1"
  cidr_ipv4         = var.step > 1 ? "10.0.0.0/8" : "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "protocol_by_number" {
  security_group_id = aws_security_group.modern.id
  ip_protocol       = "50"
  cidr_ipv4         = "10.0.0.0/8"
}
