resource "aws_key_pair" "this" {
  key_name   = "lab"
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKjEzm4mjb21HrKrl0oHBBmgUCqZ6Wtu2gGAyTyW6Oc1 lab"
  tags       = { Name = "lab" }
}

resource "aws_key_pair" "prefix" {
  key_name_prefix = "lab-"
  public_key      = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC6kzcjfAqE2oyhqBqXxsdY9ZrTEPVdDsEaYqLPyC0D7Y1vWNwMFi4rFUcDU5Hl2tT6ESIcYjVPpvmnSHpTQBvHsQM3p0XPhA4r8rMxyPnz0kUeT4JdJ2CDNWRc2i0Yl2jF4sL9XcD2WZRWzj6j9FJVrKx4mVjPvgSAbjE6xHyvVxU6fGtaQ0cMSkFWuG0QY4aUeiq6NwM7jPK4Fj8PZhJn1iHY6zT3vEgpq9o0HsmSShvHGyuQjzrFZ0Kq0X2v1YQbiJmFQ4R2AvV9oEQJrGxjS3JrHAxHhQYVQ8iyS1d1n2Wk0tqKq3RrIYbIeBqL7O6GqFwqj0F1rX9N8GkXeF3l lab"
}

# Everything said.
resource "aws_instance" "full" {
  ami                                  = data.aws_ami.al2023.id
  instance_type                        = "t3.small"
  subnet_id                            = aws_subnet.public.id
  vpc_security_group_ids               = var.step > 1 ? [aws_security_group.web.id, aws_security_group.other.id] : [aws_security_group.web.id]
  associate_public_ip_address          = true
  private_ip                           = "10.0.0.20"
  secondary_private_ips                = var.step > 1 ? ["10.0.0.21", "10.0.0.23"] : ["10.0.0.21", "10.0.0.22"]
  key_name                             = aws_key_pair.this.key_name
  iam_instance_profile                 = var.step > 1 ? aws_iam_instance_profile.other.name : aws_iam_instance_profile.this.name
  source_dest_check                    = var.step == 1
  monitoring                           = var.step > 1
  disable_api_termination              = false
  disable_api_stop                     = var.step > 1
  ebs_optimized                        = true
  instance_initiated_shutdown_behavior = var.step > 1 ? "terminate" : "stop"
  tenancy                              = "default"
  hibernation                          = false
  get_password_data                    = false

  user_data                   = <<-EOT
    #!/bin/bash
    dnf install -y httpd
    systemctl enable --now httpd
    echo "step ${var.step}" > /var/www/html/index.html
  EOT
  user_data_replace_on_change = false

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = var.step > 1 ? "optional" : "required"
    http_put_response_hop_limit = var.step > 1 ? 1 : 2
    instance_metadata_tags      = var.step > 1 ? "disabled" : "enabled"
    http_protocol_ipv6          = "disabled"
  }

  root_block_device {
    volume_type           = "gp3"
    volume_size           = 20
    iops                  = 3000
    throughput            = 125
    encrypted             = true
    delete_on_termination = true
    tags                  = { Name = "root" }
  }

  ebs_block_device {
    device_name           = "/dev/sdf"
    volume_type           = "gp2"
    volume_size           = 8
    delete_on_termination = true
    encrypted             = true
    tags                  = { Name = "data" }
  }

  credit_specification {
    cpu_credits = var.step > 1 ? "standard" : "unlimited"
  }

  maintenance_options {
    auto_recovery = var.step > 1 ? "disabled" : "default"
  }

  enclave_options {
    enabled = false
  }

  capacity_reservation_specification {
    capacity_reservation_preference = "open"
  }

  private_dns_name_options {
    hostname_type                        = "ip-name"
    enable_resource_name_dns_a_record    = var.step == 1
    enable_resource_name_dns_aaaa_record = false
  }

  tags = merge({ Name = "full" }, var.step > 1 ? { Stage = "second" } : { Removed = "later" })

  depends_on = [aws_internet_gateway.this]
}

# Nothing said but what must be. Step 2 stops it to change its type.
resource "aws_instance" "least" {
  ami           = data.aws_ami.al2.id
  instance_type = var.step > 1 ? "t3.small" : "t2.micro"
  subnet_id     = aws_subnet.private.id
}

# By count, with tags for its volumes.
resource "aws_instance" "many" {
  count                = 2
  ami                  = data.aws_ami.ubuntu.id
  instance_type        = "t3.nano"
  subnet_id            = aws_subnet.public.id
  ipv6_address_count   = 1
  user_data_base64     = base64encode("#!/bin/sh\necho ${count.index} > /tmp/n\n")
  iam_instance_profile = var.step > 1 ? aws_iam_instance_profile.this.name : null

  volume_tags = {
    Name = "many-${count.index}"
  }

  tags = {
    Name = "many-${count.index}"
  }

  lifecycle {
    ignore_changes = [ami]
  }
}

# An interface of one's own as the first one, and a second one attached.
resource "aws_network_interface" "first" {
  subnet_id       = aws_subnet.private.id
  private_ips     = ["10.0.1.50"]
  security_groups = [aws_security_group.web.id]
}

resource "aws_network_interface" "second" {
  subnet_id = aws_subnet.private.id

  attachment {
    instance     = aws_instance.least.id
    device_index = 1
  }
}

resource "aws_network_interface" "third" {
  subnet_id = aws_subnet.public.id
}

resource "aws_network_interface_attachment" "third" {
  instance_id          = aws_instance.many[0].id
  network_interface_id = aws_network_interface.third.id
  device_index         = 1
}

resource "aws_instance" "interface" {
  ami           = data.aws_ami.al2023.id
  instance_type = "t3.micro"

  network_interface {
    network_interface_id = aws_network_interface.first.id
    device_index         = 0
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = var.step > 1 ? 30 : 20
    iops        = var.step > 1 ? 4000 : 3000
    throughput  = var.step > 1 ? 200 : 125
  }

  tags = { Name = "interface" }
}

# An address of its own.
resource "aws_eip" "instance" {
  instance   = aws_instance.eip.id
  domain     = "vpc"
  depends_on = [aws_internet_gateway.this]
}

resource "aws_instance" "eip" {
  ami                    = data.aws_ami.al2023.id
  instance_type          = "t3.micro"
  subnet_id              = aws_subnet.public.id
  vpc_security_group_ids = [aws_security_group.web.id]
  user_data              = "#!/bin/sh\necho step ${var.step}\n"
  # Step 2 makes a new one.
  user_data_replace_on_change = true

  tags = { Name = "eip" }
}

# Stopped and started by Terraform.
resource "aws_ec2_instance_state" "many" {
  instance_id = aws_instance.many[1].id
  state       = var.step > 1 ? "stopped" : "running"
}

data "aws_instance" "full" {
  instance_id = aws_instance.full.id
}

data "aws_instances" "many" {
  instance_tags = {
    Name = "many-*"
  }

  instance_state_names = ["running", "stopped"]
  depends_on           = [aws_instance.many, aws_ec2_instance_state.many]
}

data "aws_key_pair" "this" {
  key_name           = aws_key_pair.this.key_name
  include_public_key = true
}

output "found" {
  value = {
    many        = length(data.aws_instances.many.ids)
    public_dns  = data.aws_instance.full.public_dns != ""
    images      = length(data.aws_ami_ids.amazon.ids) > 5
    vcpus       = data.aws_ec2_instance_type.micro.default_vcpus
    zones       = length(data.aws_ec2_instance_type_offerings.micro.locations)
    arm         = data.aws_ami.al2023_arm.architecture
    fingerprint = data.aws_key_pair.this.fingerprint
  }
}

output "eip" {
  value = aws_eip.instance.public_ip
}

output "full_public_ip" {
  value = aws_instance.full.public_ip
}
