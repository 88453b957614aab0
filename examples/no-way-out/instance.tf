resource "aws_iam_role" "alone" {
  name = "no-way-out"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

# AmazonSSMManagedInstanceCore lets the agent in; AmazonEC2FullAccess is more than
# the endpoint's policy lets through.
resource "aws_iam_role_policy_attachment" "alone" {
  for_each   = toset(["AmazonSSMManagedInstanceCore", "AmazonEC2FullAccess"])
  role       = aws_iam_role.alone.name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}

resource "aws_iam_instance_profile" "alone" {
  name = "no-way-out"
  role = aws_iam_role.alone.name
}

resource "aws_security_group" "instance" {
  name        = "instance"
  description = "Nobody may call it; it may call everybody"
  vpc_id      = aws_vpc.alone.id

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }

  tags = {
    Name = "instance"
  }
}

resource "aws_instance" "alone" {
  ami                    = data.aws_ssm_parameter.amazon_linux.insecure_value
  instance_type          = "t3.micro"
  subnet_id              = aws_subnet.alone[0].id
  vpc_security_group_ids = [aws_security_group.instance.id]
  iam_instance_profile   = aws_iam_instance_profile.alone.name
  depends_on             = [aws_iam_role_policy_attachment.alone]

  metadata_options {
    http_tokens = "required"
  }

  tags = {
    Name = "no-way-out"
  }
}

output "instance_id" {
  description = "What Session Manager calls it"
  value       = aws_instance.alone.id
}

output "region" {
  description = "Where it is"
  value       = data.aws_region.current.name
}
