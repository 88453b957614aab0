output "url" {
  description = "The service as both sides call it"
  value       = "https://${var.domain}/"
}

output "endpoint_dns_name" {
  description = "The endpoint's own regional name, which is not on the certificate"
  value       = aws_vpc_endpoint.consumer.dns_entry[0].dns_name
}

output "service_name" {
  description = "What a consumer needs to know of the service"
  value       = aws_vpc_endpoint_service.nlb.service_name
}

output "client_instance_id" {
  description = "Where to try it from"
  value       = aws_instance.client.id
}
