resource "aws_acm_certificate" "a" {
  certificate_body  = file("${path.module}/${local.later ? "a2" : "a1"}.pem")
  private_key       = file("${path.module}/${local.later ? "a2" : "a1"}.key")
  certificate_chain = file("${path.module}/ca.pem")

  tags = { Name = "a-${var.step}" }
}

# Without a chain: it signed itself.
resource "aws_acm_certificate" "b" {
  certificate_body = file("${path.module}/self.pem")
  private_key      = file("${path.module}/self.key")
}

# Nothing reads a private key back: it is not looked at again, so that an import
# does not want a new certificate.
resource "aws_iam_server_certificate" "this" {
  name              = "server"
  path              = "/balancing/"
  certificate_body  = file("${path.module}/a1.pem")
  private_key       = file("${path.module}/a1.key")
  certificate_chain = file("${path.module}/ca.pem")

  tags = { Name = "this-${var.step}" }

  lifecycle {
    ignore_changes = [private_key]
  }
}

resource "aws_iam_server_certificate" "sni" {
  name_prefix      = "sni-"
  certificate_body = file("${path.module}/self.pem")
  private_key      = file("${path.module}/self.key")

  lifecycle {
    ignore_changes = [private_key]
  }
}

# In no listener, so that it can have another name and another path.
resource "aws_iam_server_certificate" "renamed" {
  name             = "renamed-${var.step}"
  path             = "/${var.step}/"
  certificate_body = file("${path.module}/self.pem")
  private_key      = file("${path.module}/self.key")

  lifecycle {
    ignore_changes = [private_key]
  }
}

data "aws_iam_server_certificate" "this" {
  name_prefix = "serv"
  path_prefix = "/balancing/"
  latest      = true
  depends_on  = [aws_iam_server_certificate.this]
}

resource "aws_lb_trust_store" "clients" {
  name                             = "clients"
  ca_certificates_bundle_s3_bucket = "trust"
  ca_certificates_bundle_s3_key    = local.later ? "later/ca.pem" : "ca.pem"

  tags = { Name = "clients-${var.step}" }
}

resource "aws_lb_trust_store" "unused" {
  name_prefix                      = "un-"
  ca_certificates_bundle_s3_bucket = "trust"
  ca_certificates_bundle_s3_key    = "ca.pem"
}

resource "aws_lb_trust_store_revocation" "clients" {
  count                 = 2
  trust_store_arn       = aws_lb_trust_store.clients.arn
  revocations_s3_bucket = "trust"
  revocations_s3_key    = "crl-${count.index}.pem"
}

output "certificate" {
  value = data.aws_iam_server_certificate.this.path
}
