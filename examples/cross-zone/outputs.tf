output "consumer_instance_id" {
  description = "Where to try it from"
  value       = aws_instance.consumer_instance.id
}

output "url" {
  description = "The service as the consumer calls it"
  value       = "http://${aws_route53_record.provider_endpoint_record.fqdn}/"
}

output "endpoint_dns_name" {
  description = "The endpoint's own regional name"
  value       = aws_vpc_endpoint.endpoint.dns_entry[0].dns_name
}
