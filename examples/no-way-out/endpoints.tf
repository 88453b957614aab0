# One endpoint per service of AWS that the instance calls. Private DNS gives each
# the service's own public name, so that nothing in the instance knows of them.
#
# Session Manager needs ssm and ssmmessages; ec2messages is how older agents get
# their commands.

locals {
  services = var.endpoints ? toset(["ec2", "ec2messages", "ssm", "ssmmessages", "sts"]) : toset([])
}

resource "aws_security_group" "endpoints" {
  name        = "endpoints"
  description = "HTTPS from the VPC"
  vpc_id      = aws_vpc.alone.id

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = [aws_vpc.alone.cidr_block]
  }

  tags = {
    Name = "endpoints"
  }
}

resource "aws_vpc_endpoint" "service" {
  for_each            = local.services
  vpc_id              = aws_vpc.alone.id
  service_name        = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = aws_subnet.alone[*].id
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true

  # Who comes by the endpoint for EC2 may look, whatever else its role allows.
  policy = each.key != "ec2" ? null : jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "ec2:Describe*"
      Resource  = "*"
    }]
  })

  tags = {
    Name = each.key
  }
}
