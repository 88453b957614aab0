# The consumer: one instance, an interface endpoint in its subnet, and a private
# hosted zone that gives the endpoint a name.

resource "aws_security_group" "consumer_endpoint_sg" {
  name        = "consumer-endpoint-sg"
  description = "Security group for VPC endpoint in consumer VPC"
  vpc_id      = module.consumer_vpc.vpc_id

  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = module.consumer_vpc.private_subnet_cidr_blocks
    description = "Allow HTTP from consumer private subnets"
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
    description = "Allow all outbound traffic"
  }

  tags = {
    Name = "consumer-endpoint-sg"
  }
}

resource "aws_security_group" "consumer_instance_sg" {
  name        = "consumer-instance-sg"
  description = "Security group for consumer instance"
  vpc_id      = module.consumer_vpc.vpc_id

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
    description = "Allow all outbound traffic"
  }

  tags = {
    Name = "consumer-instance-sg"
  }
}

resource "aws_vpc_endpoint" "endpoint" {
  vpc_id              = module.consumer_vpc.vpc_id
  service_name        = aws_vpc_endpoint_service.endpoint_service.service_name
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [module.consumer_vpc.private_subnet_ids[0]]
  security_group_ids  = [aws_security_group.consumer_endpoint_sg.id]
  private_dns_enabled = false

  tags = {
    Name = "consumer-endpoint"
  }
}

# Session Manager: a role that lets the instance's agent in, and a way for it to
# get there. This VPC has no gateway, so the way is by endpoints.
resource "aws_security_group" "session_manager_sg" {
  name        = "session-manager-sg"
  description = "Security group for endpoints of Session Manager in consumer VPC"
  vpc_id      = module.consumer_vpc.vpc_id

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = module.consumer_vpc.private_subnet_cidr_blocks
    description = "Allow HTTPS from consumer private subnets"
  }

  tags = {
    Name = "session-manager-sg"
  }
}

resource "aws_vpc_endpoint" "session_manager" {
  for_each            = toset(["ssm", "ssmmessages", "ec2messages"])
  vpc_id              = module.consumer_vpc.vpc_id
  service_name        = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [module.consumer_vpc.private_subnet_ids[0]]
  security_group_ids  = [aws_security_group.session_manager_sg.id]
  private_dns_enabled = true

  tags = {
    Name = each.key
  }
}

resource "aws_iam_role" "ec2_ssm_role" {
  name = "ec2-session-manager-role"
  assume_role_policy = jsonencode({
    Version = "2012-10-17",
    Statement = [{
      Effect = "Allow",
      Principal = {
        Service = "ec2.amazonaws.com"
      }
      Action = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "ssm_attach" {
  role       = aws_iam_role.ec2_ssm_role.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "ec2_instance_profile" {
  name = "ec2-instance-profile"
  role = aws_iam_role.ec2_ssm_role.name
}

resource "aws_instance" "consumer_instance" {
  ami                    = data.aws_ami.amazon_linux.id
  instance_type          = "t3.micro"
  subnet_id              = module.consumer_vpc.private_subnet_ids[0]
  vpc_security_group_ids = [aws_security_group.consumer_instance_sg.id]
  iam_instance_profile   = aws_iam_instance_profile.ec2_instance_profile.name

  tags = {
    Name = "consumer-instance"
  }
}

resource "aws_route53_zone" "consumer_private_zone" {
  name = "example.local"

  vpc {
    vpc_id = module.consumer_vpc.vpc_id
  }
}

# becomes provider-nlb.example.local
resource "aws_route53_record" "provider_endpoint_record" {
  zone_id = aws_route53_zone.consumer_private_zone.zone_id
  name    = "provider-nlb"
  type    = "A"

  alias {
    name                   = aws_vpc_endpoint.endpoint.dns_entry[0].dns_name
    zone_id                = aws_vpc_endpoint.endpoint.dns_entry[0].hosted_zone_id
    evaluate_target_health = false
  }
}
