# The service: three web servers in three zones, behind an internal network load
# balancer, offered as an endpoint service.

variable "provider_service_instance_count" {
  description = "Number of provider service instances to create (up to the number of private subnets)"
  type        = number
  default     = 3
}

resource "aws_security_group" "provider_sg" {
  name        = "provider-service-sg"
  description = "Security group for provider service"
  vpc_id      = module.provider_vpc.vpc_id

  # What comes over PrivateLink has the load balancer node's address, which is
  # one of the private subnets'.
  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = module.provider_vpc.private_subnet_cidr_blocks
    description = "Allow HTTP from private subnets"
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
    description = "Allow all outbound traffic"
  }

  tags = {
    Name = "provider-service-sg"
  }
}

resource "aws_instance" "provider_service" {
  count                  = min(var.provider_service_instance_count, length(module.provider_vpc.private_subnet_ids))
  ami                    = data.aws_ami.amazon_linux.id
  instance_type          = "t3.micro"
  subnet_id              = module.provider_vpc.private_subnet_ids[count.index]
  vpc_security_group_ids = [aws_security_group.provider_sg.id]

  user_data = <<-EOF
              #!/bin/bash
              dnf update -y
              dnf install -y httpd
              systemctl start httpd
              systemctl enable httpd
              echo "Hello from Provider VPC on Subnet ${count.index + 1}" > /var/www/html/index.html
              EOF

  tags = {
    Name = "provider-service-${count.index + 1}"
  }
}

resource "aws_lb" "nlb" {
  name               = "provider-nlb"
  internal           = true
  load_balancer_type = "network"
  subnets            = module.provider_vpc.private_subnet_ids

  enable_cross_zone_load_balancing = var.cross_zone

  tags = {
    Name = "provider-nlb"
  }
}

resource "aws_lb_target_group" "nlb_tg" {
  name        = "provider-target-group"
  port        = 80
  protocol    = "TCP"
  vpc_id      = module.provider_vpc.vpc_id
  target_type = "instance"

  health_check {
    protocol            = "TCP"
    port                = 80
    interval            = 30
    healthy_threshold   = 3
    unhealthy_threshold = 3
  }
}

resource "aws_lb_target_group_attachment" "nlb_tg_attachment" {
  count            = length(aws_instance.provider_service)
  target_group_arn = aws_lb_target_group.nlb_tg.arn
  target_id        = aws_instance.provider_service[count.index].id
  port             = 80
}

resource "aws_lb_listener" "nlb_listener" {
  load_balancer_arn = aws_lb.nlb.arn
  port              = 80
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.nlb_tg.arn
  }
}

resource "aws_vpc_endpoint_service" "endpoint_service" {
  acceptance_required        = false
  network_load_balancer_arns = [aws_lb.nlb.arn]

  tags = {
    Name = "provider-endpoint-service"
  }
}
