# Systems Manager: parameters and documents, and the instances that it manages.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

provider "aws" {}

variable "step" {
  type    = number
  default = 1
}

resource "aws_ssm_parameter" "plain" {
  name        = "/app/plain"
  description = "step ${var.step}"
  type        = "String"
  value       = "value ${var.step}"
  tags        = { Step = var.step }
}

resource "aws_ssm_parameter" "list" {
  name            = "/app/list"
  type            = "StringList"
  value           = "a,b,${var.step}"
  allowed_pattern = "^[a-z0-9,]+$"
}

resource "aws_ssm_parameter" "secret" {
  name  = "/app/secret"
  type  = "SecureString"
  value = "secret ${var.step}"
}

resource "aws_ssm_parameter" "big" {
  name  = "big"
  type  = "String"
  tier  = "Advanced"
  value = join("", [for i in range(500) : "0123456789"])
}

resource "aws_ssm_document" "command" {
  name            = "site"
  document_type   = "Command"
  document_format = "JSON"
  content = jsonencode({
    schemaVersion = "2.2"
    description   = "step ${var.step}"
    parameters    = { what = { type = "String", default = "site" } }
    mainSteps = [{
      action = "aws:runShellScript"
      name   = "run"
      inputs = { runCommand = ["echo {{ what }} ${var.step}"] }
    }]
  })
  tags = { Step = var.step }
}

resource "aws_ssm_document" "session" {
  name            = "SSM-SessionManagerRunShell"
  document_type   = "Session"
  document_format = "YAML"
  content         = <<-EOT
    schemaVersion: '1.0'
    description: Preferences
    sessionType: Standard_Stream
    inputs:
      idleSessionTimeout: '${19 + var.step}'
      shellProfile:
        linux: cd /tmp
  EOT
}

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

data "aws_ssm_parameter" "secret" {
  name       = aws_ssm_parameter.secret.name
  depends_on = [aws_ssm_parameter.secret]
}

data "aws_ssm_parameters_by_path" "app" {
  path       = "/app"
  depends_on = [aws_ssm_parameter.plain, aws_ssm_parameter.list, aws_ssm_parameter.secret]
}

data "aws_ssm_document" "command" {
  name            = aws_ssm_document.command.name
  document_format = "JSON"
}

resource "aws_vpc" "main" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_default_route_table" "main" {
  default_route_table_id = aws_vpc.main.default_route_table_id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}

resource "aws_subnet" "main" {
  vpc_id                  = aws_vpc.main.id
  cidr_block              = "10.0.0.0/24"
  map_public_ip_on_launch = true
}

resource "aws_iam_role" "node" {
  name = "node"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "node" {
  role       = aws_iam_role.node.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "node" {
  name = "node"
  role = aws_iam_role.node.name
}

resource "aws_instance" "node" {
  ami                  = data.aws_ssm_parameter.image.insecure_value
  instance_type        = "t3.micro"
  subnet_id            = aws_subnet.main.id
  iam_instance_profile = aws_iam_instance_profile.node.name
  tags                 = { Name = "node", Tier = "web" }
  depends_on           = [aws_internet_gateway.main, aws_default_route_table.main, aws_iam_role_policy_attachment.node]
}

data "aws_instances" "web" {
  instance_tags = { Tier = "web" }
  depends_on    = [aws_instance.node]
}

# In step 1 the agent may not have reached Systems Manager yet.
data "aws_ssm_instances" "managed" {
  filter {
    name   = "PlatformTypes"
    values = ["Linux"]
  }
  depends_on = [aws_instance.node]
}

output "node" {
  value = aws_instance.node.id
}

output "managed" {
  value = join(" ", data.aws_ssm_instances.managed.ids)
}

output "found" {
  value = {
    secret    = nonsensitive(data.aws_ssm_parameter.secret.value)
    by_path   = join(" ", sort(data.aws_ssm_parameters_by_path.app.names))
    document  = "${data.aws_ssm_document.command.document_type} ${aws_ssm_document.command.default_version} ${aws_ssm_document.command.latest_version}"
    instances = length(data.aws_instances.web.ids)
  }
}
