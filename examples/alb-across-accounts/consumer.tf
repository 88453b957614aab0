# Service consumer, in its own account: nothing leads out of this VPC but the
# endpoint.

resource "aws_vpc" "consumer" {
  provider             = aws.consumer
  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = true

  tags = {
    Name = "consumer"
  }
}

resource "aws_subnet" "consumer" {
  provider          = aws.consumer
  for_each          = { a = "10.20.10.0/24", c = "10.20.11.0/24" }
  vpc_id            = aws_vpc.consumer.id
  cidr_block        = each.value
  availability_zone = "${var.region}${each.key}"

  tags = {
    Name = "consumer-private-${var.region}${each.key}"
  }
}

resource "aws_security_group" "vpc_endpoint" {
  provider = aws.consumer
  name     = "consumer-vpc-endpoint-security-grp"
  vpc_id   = aws_vpc.consumer.id

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = [aws_vpc.consumer.cidr_block]
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = [aws_vpc.consumer.cidr_block]
  }

  tags = {
    Name = "consumer-vpc-endpoint-security-grp"
  }
}

resource "aws_vpc_endpoint" "consumer" {
  provider            = aws.consumer
  vpc_id              = aws_vpc.consumer.id
  service_name        = aws_vpc_endpoint_service.nlb.service_name
  vpc_endpoint_type   = "Interface"
  security_group_ids  = [aws_security_group.vpc_endpoint.id]
  subnet_ids          = [for subnet in aws_subnet.consumer : subnet.id]
  private_dns_enabled = false

  tags = {
    Name = "consumer-vpc-endpoint-service"
  }

  depends_on = [aws_vpc_endpoint_service_allowed_principal.nlb]
}

# The custom domain: here it leads to the endpoint, so that the name that is
# called is the one on the certificate.
resource "aws_route53_zone" "consumer" {
  provider = aws.consumer
  name     = var.domain

  vpc {
    vpc_id = aws_vpc.consumer.id
  }
}

resource "aws_route53_record" "consumer" {
  provider = aws.consumer
  zone_id  = aws_route53_zone.consumer.zone_id
  name     = var.domain
  type     = "A"

  alias {
    name                   = aws_vpc_endpoint.consumer.dns_entry[0].dns_name
    zone_id                = aws_vpc_endpoint.consumer.dns_entry[0].hosted_zone_id
    evaluate_target_health = false
  }
}

data "aws_ami" "consumer" {
  provider    = aws.consumer
  most_recent = true
  owners      = ["137112412989"]

  filter {
    name   = "name"
    values = ["al2023-ami-2023*-kernel-*-x86_64"]
  }
}

resource "aws_security_group" "client" {
  provider = aws.consumer
  name     = "client"
  vpc_id   = aws_vpc.consumer.id

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_instance" "client" {
  provider               = aws.consumer
  ami                    = data.aws_ami.consumer.id
  instance_type          = "t3.micro"
  subnet_id              = aws_subnet.consumer["a"].id
  vpc_security_group_ids = [aws_security_group.client.id]

  tags = {
    Name = "client"
  }
}
