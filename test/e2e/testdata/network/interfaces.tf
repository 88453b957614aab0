# Network interfaces and elastic IPs.

resource "aws_network_interface" "appliance" {
  subnet_id   = module.vpc["main"].public_subnet_ids[0]
  description = var.step > 1 ? "changed" : "appliance"
  # A list: of a set, Terraform picks the primary address.
  private_ip_list_enabled = true
  private_ip_list         = var.step > 1 ? ["10.0.0.10", "10.0.0.12"] : ["10.0.0.10", "10.0.0.11"]
  security_groups         = var.step > 1 ? [aws_security_group.rules.id] : [aws_security_group.inline.id, aws_security_group.rules.id]
  source_dest_check       = var.step == 1

  tags = { Name = "appliance" }
}

resource "aws_network_interface" "counted" {
  subnet_id          = module.vpc["main"].public_subnet_ids[0]
  private_ips_count  = var.step > 1 ? 1 : 2
  ipv6_address_count = var.step > 1 ? 2 : 1
}

resource "aws_network_interface" "v6" {
  subnet_id      = module.vpc["main"].public_subnet_ids[1]
  ipv6_addresses = [cidrhost(module.vpc["main"].public_subnets[1].ipv6_cidr_block, var.step > 1 ? 21 : 20)]
}

resource "aws_network_interface" "plain" {
  subnet_id = aws_subnet.secondary.id
}

resource "aws_network_interface_sg_attachment" "plain" {
  network_interface_id = aws_network_interface.plain.id
  security_group_id    = aws_security_group.modern.id
}

resource "aws_eip" "interface" {
  domain                    = "vpc"
  network_interface         = aws_network_interface.appliance.id
  associate_with_private_ip = "10.0.0.10"
  depends_on                = [module.vpc]
}

resource "aws_eip" "free" {
  tags = { Name = "free" }
}

resource "aws_eip_association" "free" {
  allocation_id        = aws_eip.free.id
  network_interface_id = aws_network_interface.counted.id
}
