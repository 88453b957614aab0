resource "aws_vpc_endpoint_service" "this" {
  acceptance_required        = true
  network_load_balancer_arns = [aws_lb.this.arn]
  private_dns_name           = "api.endpoints.test"
  supported_ip_address_types = ["ipv4"]
  supported_regions          = local.later ? ["ap-northeast-1", "ap-northeast-3"] : ["ap-northeast-1"]

  tags = { Name = "service-${var.step}" }
}

resource "aws_vpc_endpoint_service_allowed_principal" "account" {
  vpc_endpoint_service_id = aws_vpc_endpoint_service.this.id
  principal_arn           = "arn:aws:iam::111111111111:root"
}

resource "aws_vpc_endpoint_service_allowed_principal" "user" {
  vpc_endpoint_service_id = aws_vpc_endpoint_service.this.id
  principal_arn           = "arn:aws:iam::222222222222:user/any"
}

# The name is proven in a public zone.
resource "aws_route53_zone" "this" {
  name = "endpoints.test"
}

resource "aws_route53_record" "proof" {
  zone_id = aws_route53_zone.this.zone_id
  name    = "${aws_vpc_endpoint_service.this.private_dns_name_configuration[0].name}.api"
  type    = aws_vpc_endpoint_service.this.private_dns_name_configuration[0].type
  ttl     = 1800
  records = [aws_vpc_endpoint_service.this.private_dns_name_configuration[0].value]
}

resource "aws_vpc_endpoint_service_private_dns_verification" "this" {
  service_id            = aws_vpc_endpoint_service.this.id
  wait_for_verification = true

  depends_on = [aws_route53_record.proof]
}

resource "aws_vpc_endpoint_connection_accepter" "this" {
  vpc_endpoint_service_id = aws_vpc_endpoint_service.this.id
  vpc_endpoint_id         = aws_vpc_endpoint.this.id
}

resource "aws_sns_topic" "this" {
  for_each     = toset(["provider", "other"])
  name         = each.key
  display_name = "step ${var.step}"

  tags = { Name = "${each.key}-${var.step}" }
}

resource "aws_sns_topic" "consumer" {
  provider    = aws.consumer
  name_prefix = "endpoint-"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpce.amazonaws.com" }
      Action    = "SNS:Publish"
      Resource  = "*"
      Sid       = "step${var.step}"
    }]
  })
}

data "aws_iam_policy_document" "topic" {
  for_each = aws_sns_topic.this

  statement {
    sid       = "step${var.step}"
    actions   = ["SNS:Publish"]
    resources = [each.value.arn]

    principals {
      type        = "Service"
      identifiers = ["vpce.amazonaws.com"]
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  for_each = aws_sns_topic.this
  arn      = each.value.arn
  policy   = data.aws_iam_policy_document.topic[each.key].json
}

resource "aws_vpc_endpoint_connection_notification" "service" {
  vpc_endpoint_service_id     = aws_vpc_endpoint_service.this.id
  connection_notification_arn = aws_sns_topic.this[local.later ? "other" : "provider"].arn
  connection_events           = local.later ? ["Accept", "Connect", "Delete", "Reject"] : ["Accept", "Reject"]

  depends_on = [aws_sns_topic_policy.this]
}

resource "aws_vpc_endpoint_connection_notification" "endpoint" {
  provider                    = aws.consumer
  vpc_endpoint_id             = aws_vpc_endpoint.this.id
  connection_notification_arn = aws_sns_topic.consumer.arn
  connection_events           = local.later ? ["Reject"] : ["Accept"]
}

data "aws_sns_topic" "this" {
  name       = "provider"
  depends_on = [aws_sns_topic.this]
}
