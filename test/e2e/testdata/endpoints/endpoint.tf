data "aws_vpc_endpoint_service" "this" {
  provider     = aws.consumer
  service_name = aws_vpc_endpoint_service.this.service_name

  depends_on = [
    aws_vpc_endpoint_service_allowed_principal.account,
    aws_vpc_endpoint_service_private_dns_verification.this,
  ]
}

# Bare: each other resource adds something to it.
resource "aws_vpc_endpoint" "this" {
  provider          = aws.consumer
  vpc_id            = aws_vpc.consumer.id
  service_name      = aws_vpc_endpoint_service.this.service_name
  vpc_endpoint_type = "Interface"
  subnet_ids        = [aws_subnet.consumer[0].id]

  tags = { Name = "endpoint-${var.step}" }

  lifecycle {
    ignore_changes = [subnet_ids, security_group_ids, policy, private_dns_enabled]
  }

  depends_on = [aws_vpc_endpoint_service_allowed_principal.account]
}

# The provider takes a minute to add one and a minute to remove it.
resource "aws_vpc_endpoint_subnet_association" "this" {
  provider        = aws.consumer
  vpc_endpoint_id = aws_vpc_endpoint.this.id
  subnet_id       = aws_subnet.consumer[1].id

  depends_on = [aws_vpc_endpoint_connection_accepter.this]
}

resource "aws_vpc_endpoint_security_group_association" "added" {
  provider          = aws.consumer
  vpc_endpoint_id   = aws_vpc_endpoint.this.id
  security_group_id = aws_security_group.consumer[0].id
}

resource "aws_vpc_endpoint_security_group_association" "replaced" {
  provider                    = aws.consumer
  vpc_endpoint_id             = aws_vpc_endpoint.this.id
  security_group_id           = aws_security_group.consumer[1].id
  replace_default_association = true

  depends_on = [aws_vpc_endpoint_security_group_association.added]
}

resource "aws_vpc_endpoint_policy" "this" {
  provider        = aws.consumer
  vpc_endpoint_id = aws_vpc_endpoint.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "step${var.step}"
      Effect    = "Allow"
      Principal = "*"
      Action    = "*"
      Resource  = "*"
    }]
  })
}

resource "aws_vpc_endpoint_private_dns" "this" {
  provider            = aws.consumer
  vpc_endpoint_id     = aws_vpc_endpoint.this.id
  private_dns_enabled = !local.later

  depends_on = [aws_vpc_endpoint_connection_accepter.this, aws_vpc_endpoint_service_private_dns_verification.this]
}

data "aws_vpc_endpoint" "this" {
  provider = aws.consumer
  id       = aws_vpc_endpoint.this.id
  depends_on = [
    aws_vpc_endpoint_private_dns.this, aws_vpc_endpoint_subnet_association.this,
    aws_vpc_endpoint_security_group_association.replaced,
  ]
}

output "found" {
  value = {
    accepted = data.aws_vpc_endpoint_service.this.acceptance_required
    name     = data.aws_vpc_endpoint_service.this.private_dns_name
    owner    = data.aws_vpc_endpoint_service.this.owner
    state    = data.aws_vpc_endpoint.this.state
    subnets  = length(data.aws_vpc_endpoint.this.subnet_ids)
    groups   = length(data.aws_vpc_endpoint.this.security_group_ids)
    private  = data.aws_vpc_endpoint.this.private_dns_enabled
    last     = reverse(data.aws_vpc_endpoint.this.dns_entry)[0].dns_name
    topic    = data.aws_sns_topic.this.arn
  }
}
