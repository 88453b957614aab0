# Images of an instance and of its disk, copies of them, and who may launch them.
# The variable step changes everything that can change in place.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

variable "step" {
  type    = number
  default = 1
}

# Images can be deprecated for the next ten years.
variable "year" {
  type = number
}

provider "aws" {
  default_tags {
    tags = { Project = "images" }
  }
}

data "aws_ami" "al2023" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = ["al2023-ami-2023.*-kernel-6.*-x86_64"]
  }
}

resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "this" {
  vpc_id            = aws_vpc.this.id
  cidr_block        = "10.0.0.0/24"
  availability_zone = "ap-northeast-1a"
}

resource "aws_instance" "source" {
  ami           = data.aws_ami.al2023.id
  instance_type = "t3.micro"
  subnet_id     = aws_subnet.this.id
  user_data     = "#!/bin/sh\necho written >/root/written\n"

  root_block_device {
    volume_size = 10
    volume_type = "gp3"
  }

  tags = { Name = "source" }
}

resource "aws_ebs_snapshot" "this" {
  volume_id   = aws_instance.source.root_block_device[0].volume_id
  description = "A disk"
  tags        = { Name = "disk-${var.step}" }

  timeouts {
    create = "2m"
  }
}

resource "aws_ebs_snapshot_copy" "this" {
  source_snapshot_id = aws_ebs_snapshot.this.id
  source_region      = "ap-northeast-1"
  description        = "A copy"
  tags               = { Name = "copy-${var.step}" }
}

# Registered of a snapshot.
resource "aws_ami" "this" {
  name                = "registered"
  description         = var.step > 1 ? "changed" : "Registered"
  architecture        = "x86_64"
  virtualization_type = "hvm"
  root_device_name    = "/dev/xvda"
  ena_support         = true
  sriov_net_support   = "simple"
  boot_mode           = "uefi-preferred"
  imds_support        = "v2.0"
  deprecation_time    = "${var.year}-0${var.step}-01T00:00:00Z"

  ebs_block_device {
    device_name           = "/dev/xvda"
    snapshot_id           = aws_ebs_snapshot.this.id
    volume_size           = 12
    volume_type           = "gp3"
    iops                  = 3000
    throughput            = 125
    delete_on_termination = true
  }

  tags = { Name = "registered-${var.step}" }
}

resource "aws_ami_from_instance" "this" {
  name                    = "whole"
  description             = var.step > 1 ? "changed" : "Whole"
  source_instance_id      = aws_instance.source.id
  snapshot_without_reboot = true
  tags                    = { Name = "whole-${var.step}" }
}

resource "aws_ami_copy" "this" {
  name              = "copied"
  description       = var.step > 1 ? "changed" : "Copied"
  source_ami_id     = aws_ami_from_instance.this.id
  source_ami_region = "ap-northeast-1"
  tags              = { Name = "copied-${var.step}" }
}

resource "aws_ami_launch_permission" "account" {
  image_id   = aws_ami.this.id
  account_id = "111111111111"
}

resource "aws_ami_launch_permission" "everybody" {
  image_id = aws_ami.this.id
  group    = "all"
}

data "aws_ami" "copied" {
  owners = ["self"]

  filter {
    name   = "source-image-id"
    values = [aws_ami_from_instance.this.id]
  }

  depends_on = [aws_ami_copy.this]
}

data "aws_ami_ids" "own" {
  owners         = ["self"]
  sort_ascending = true
  name_regex     = "^(registered|whole|copied)$"
  depends_on     = [aws_ami.this, aws_ami_copy.this]
}

data "aws_ebs_snapshot" "this" {
  owners = ["self"]

  filter {
    name   = "snapshot-id"
    values = [aws_ebs_snapshot.this.id]
  }
}

data "aws_ebs_snapshot_ids" "own" {
  owners     = ["self"]
  depends_on = [aws_ami.this, aws_ami_copy.this, aws_ebs_snapshot_copy.this]
}

output "found" {
  value = {
    copied    = data.aws_ami.copied.id == aws_ami_copy.this.id
    first     = data.aws_ami_ids.own.ids[0] == aws_ami.this.id || data.aws_ami_ids.own.ids[0] == aws_ami_from_instance.this.id
    images    = length(data.aws_ami_ids.own.ids)
    snapshots = length(data.aws_ebs_snapshot_ids.own.ids)
    size      = data.aws_ebs_snapshot.this.volume_size
    root      = [for d in data.aws_ami.copied.block_device_mappings : d.ebs.volume_size]
  }
}
