data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = var.step > 1 ? ["ec2.amazonaws.com", "ssm.amazonaws.com"] : ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "Read"
    actions   = var.step > 1 ? ["ec2:Describe*", "elasticloadbalancing:Describe*"] : ["ec2:Describe*"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = ["ap-northeast-1"]
    }
  }

  statement {
    effect    = "Deny"
    actions   = ["s3:DeleteBucket"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::*"]
  }
}

resource "aws_iam_role" "this" {
  name                  = "lab"
  path                  = "/lab/"
  description           = var.step > 1 ? "changed" : "A role"
  assume_role_policy    = data.aws_iam_policy_document.assume.json
  max_session_duration  = var.step > 1 ? 7200 : 3600
  permissions_boundary  = var.step > 1 ? null : aws_iam_policy.boundary.arn
  force_detach_policies = true

  tags = { Name = "lab-${var.step}" }
}

resource "aws_iam_role" "inline" {
  name_prefix = "inline-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root" }
    }]
  })
  managed_policy_arns = var.step > 1 ? [aws_iam_policy.read.arn] : ["arn:aws:iam::aws:policy/ReadOnlyAccess", aws_iam_policy.read.arn]

  inline_policy {
    name   = "one"
    policy = data.aws_iam_policy_document.read.json
  }
}

resource "aws_iam_policy" "read" {
  name        = "read"
  path        = "/lab/"
  description = "Read"
  policy      = data.aws_iam_policy_document.read.json
  tags        = { Name = "read-${var.step}" }
}

resource "aws_iam_policy" "boundary" {
  name_prefix = "boundary-"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "inline"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = var.step > 1 ? ["s3:GetObject", "s3:PutObject"] : ["s3:GetObject"], Resource = "arn:aws:s3:::lab/*" }]
  })
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each   = { ssm = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore", own = aws_iam_policy.read.arn }
  role       = aws_iam_role.this.name
  policy_arn = each.value
}

resource "aws_iam_instance_profile" "this" {
  name = "lab"
  path = "/lab/"
  role = aws_iam_role.this.name
  tags = { Name = "lab-${var.step}" }
}

resource "aws_iam_instance_profile" "other" {
  name_prefix = "other-"
  role        = var.step > 1 ? aws_iam_role.this.name : aws_iam_role.inline.name
}

data "aws_iam_role" "this" {
  name       = aws_iam_role.this.name
  depends_on = [aws_iam_instance_profile.this]
}

data "aws_iam_policy" "managed" {
  name = "AmazonSSMManagedInstanceCore"
}

data "aws_iam_policy" "read" {
  arn = aws_iam_policy.read.arn
}

data "aws_iam_instance_profile" "this" {
  name = aws_iam_instance_profile.this.name
}

data "aws_iam_roles" "lab" {
  path_prefix = "/lab/"
  depends_on  = [aws_iam_role.this]
}

data "aws_iam_session_context" "current" {
  arn = data.aws_caller_identity.current.arn
}
