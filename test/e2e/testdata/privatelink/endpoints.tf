resource "aws_vpc_endpoint_service" "this" {
  acceptance_required        = true
  network_load_balancer_arns = var.step > 1 ? [aws_lb.service.arn, aws_lb.guarded.arn] : [aws_lb.service.arn]
  allowed_principals         = ["arn:aws:iam::${data.aws_caller_identity.consumer.account_id}:root"]
  supported_ip_address_types = ["ipv4"]

  tags = { Name = "service-${var.step}" }
}

# Permissions as resources.
resource "aws_vpc_endpoint_service" "open" {
  acceptance_required        = var.step > 1
  network_load_balancer_arns = [aws_lb.public.arn]
}

resource "aws_vpc_endpoint_service_allowed_principal" "open" {
  for_each                = toset(var.step > 1 ? ["*"] : ["*", "arn:aws:iam::222222222222:role/any"])
  vpc_endpoint_service_id = aws_vpc_endpoint_service.open.id
  principal_arn           = each.value
}

data "aws_vpc_endpoint_service" "seen" {
  provider     = aws.consumer
  service_name = aws_vpc_endpoint_service.this.service_name
}

resource "aws_vpc_endpoint" "this" {
  provider            = aws.consumer
  vpc_id              = aws_vpc.consumer.id
  service_name        = aws_vpc_endpoint_service.this.service_name
  vpc_endpoint_type   = "Interface"
  subnet_ids          = var.step > 1 ? aws_subnet.consumer[*].id : [aws_subnet.consumer[1].id]
  security_group_ids  = [aws_security_group.endpoint[var.step > 1 ? 1 : 0].id]
  private_dns_enabled = false
  ip_address_type     = "ipv4"

  dns_options {
    dns_record_ip_type = "ipv4"
  }

  tags = { Name = "endpoint-${var.step}" }
}

resource "aws_vpc_endpoint_connection_accepter" "this" {
  vpc_endpoint_service_id = aws_vpc_endpoint_service.this.id
  vpc_endpoint_id         = aws_vpc_endpoint.this.id
}

# In the provider's own account, accepted at once, its group added by a resource,
# its address chosen.
resource "aws_vpc_endpoint" "own" {
  vpc_id            = aws_vpc.provider.id
  service_name      = aws_vpc_endpoint_service.this.service_name
  vpc_endpoint_type = "Interface"
  auto_accept       = true

  subnet_configuration {
    ipv4      = "10.0.1.200"
    subnet_id = aws_subnet.provider[0].id
  }

  lifecycle {
    ignore_changes = [subnet_ids, subnet_configuration]
  }
}

resource "aws_vpc_endpoint_security_group_association" "own" {
  vpc_endpoint_id   = aws_vpc_endpoint.own.id
  security_group_id = aws_security_group.web.id
}

data "aws_vpc_endpoint" "this" {
  provider   = aws.consumer
  id         = aws_vpc_endpoint.this.id
  depends_on = [aws_vpc_endpoint_connection_accepter.this]
}
