package e2e

var ec2Refusals = []apiRefusal{
	// What does not exist, and what is no id at all.
	{"DescribeVpcs VpcId.1=vpc-0123456789abcdef0", 0, "InvalidVpcID.NotFound", "The vpc ID 'vpc-0123456789abcdef0' does not exist"},
	{"DescribeSubnets SubnetId.1=subnet-0123456789abcdef0", 0, "InvalidSubnetID.NotFound", "The subnet ID 'subnet-0123456789abcdef0' does not exist"},
	{"DescribeSubnets SubnetId.1=subnet_1", 0, "InvalidSubnetId.Malformed", "Invalid Subnet Id: 'subnet_1' (expecting 'subnet-...'; the Id may only contain lowercase alphanumeric characters and a single dash)"},
	{"DescribeRouteTables RouteTableId.1=rtb-0123456789abcdef0", 0, "InvalidRouteTableID.NotFound", "The routeTable ID 'rtb-0123456789abcdef0' does not exist"},
	{"DescribeInternetGateways InternetGatewayId.1=igw-0123456789abcdef0", 0, "InvalidInternetGatewayID.NotFound", "The internetGateway ID 'igw-0123456789abcdef0' does not exist"},
	{"DescribeNatGateways NatGatewayId.1=nat-0123456789abcdef0", 0, "NatGatewayNotFound", "NAT gateway nat-0123456789abcdef0 was not found"},
	{"DescribeAddresses AllocationId.1=eipalloc-0123456789abcdef0", 0, "InvalidAllocationID.NotFound", "The allocation ID 'eipalloc-0123456789abcdef0' does not exist"},
	{"DisassociateAddress AssociationId=eipassoc-0123456789abcdef0", 0, "InvalidAssociationID.NotFound", "The association ID 'eipassoc-0123456789abcdef0' does not exist"},
	{"DescribeSecurityGroups GroupId.1=sg-0123456789abcdef0", 0, "InvalidGroup.NotFound", "The security group 'sg-0123456789abcdef0' does not exist"},
	{"DeleteSecurityGroup GroupId=sg-0123456789abcdef0", 0, "InvalidGroup.NotFound", "The security group 'sg-0123456789abcdef0' does not exist"},
	{"DescribeNetworkInterfaces NetworkInterfaceId.1=eni-0123456789abcdef0", 0, "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID 'eni-0123456789abcdef0' does not exist"},
	{"DescribeInstances InstanceId.1=i-0123456789abcdef0", 0, "InvalidInstanceID.NotFound", "The instance ID 'i-0123456789abcdef0' does not exist"},
	{"DescribeImages ImageId.1=ami-0123456789abcdef0", 0, "InvalidAMIID.NotFound", "The image id '[ami-0123456789abcdef0]' does not exist"},
	{"DescribeKeyPairs KeyName.1=nobody", 0, "InvalidKeyPair.NotFound", "The key pair 'nobody' does not exist"},
	{"DescribeVpcEndpoints VpcEndpointId.1=vpce-0123456789abcdef0", 0, "InvalidVpcEndpointId.NotFound", "The VpcEndPoint ID 'vpce-0123456789abcdef0' does not exist"},
	{"DescribeVpcEndpointServicePermissions ServiceId=vpce-svc-0123456789abcdef0", 0, "InvalidVpcEndpointServiceId.NotFound", "The VpcEndpointService Id 'vpce-svc-0123456789abcdef0' does not exist"},
	{"CreateSubnet VpcId=vpc-0123456789abcdef0 CidrBlock=10.0.0.0/24", 0, "InvalidVpcID.NotFound", "The vpc ID 'vpc-0123456789abcdef0' does not exist"},
	{"DeleteRoute RouteTableId={rtb} DestinationCidrBlock=10.77.0.0/16", 0, "InvalidRoute.NotFound", "no route with destination-cidr-block 10.77.0.0/16 in route table {rtb}"},

	// Ranges and zones.
	{"CreateVpc CidrBlock=10.0.0.0/8", 0, "InvalidVpc.Range", "The CIDR '10.0.0.0/8' is invalid."},
	{"CreateVpc CidrBlock=169.254.0.0/16", 0, "InvalidVpc.Range", "The CIDR '169.254.0.0/16' is invalid."},
	{"CreateVpc CidrBlock=ten", 0, "InvalidParameterValue", "Value (ten) for parameter cidrBlock is invalid. This is not a valid CIDR block."},
	{"AssociateVpcCidrBlock VpcId={vpc} CidrBlock=10.0.128.0/17", 0, "InvalidVpc.Range", "The CIDR '10.0.128.0/17' …"},
	{"CreateSubnet VpcId={vpc} CidrBlock=10.0.1.128/25", 0, "InvalidSubnet.Conflict", "The CIDR '10.0.1.128/25' conflicts with another subnet"},
	{"CreateSubnet VpcId={vpc} CidrBlock=10.1.0.0/24", 0, "InvalidSubnet.Range", "The CIDR '10.1.0.0/24' is invalid."},
	{"CreateSubnet VpcId={vpc} CidrBlock=10.0.4.0/24 AvailabilityZone=ap-northeast-1x", 0, "InvalidParameterValue", "Value (ap-northeast-1x) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: ap-northeast-1a, ap-northeast-1c, ap-northeast-1d."},
	{"CreateNetworkInterface SubnetId={a} PrivateIpAddress=10.0.1.50", 0, "InvalidIPAddress.InUse", "Address 10.0.1.50 is in use."},
	{"CreateNetworkInterface SubnetId={a} PrivateIpAddress=10.0.1.2", 0, "InvalidParameterValue", "Address 10.0.1.2 is in subnet's reserved address range"},
	{"CreateNetworkInterface SubnetId={a} PrivateIpAddress=10.0.2.9", 0, "InvalidParameterValue", "Address 10.0.2.9 does not fall within the subnet's address range"},

	// What others depend on.
	{"DeleteVpc VpcId={vpc}", 0, "DependencyViolation", "The vpc '{vpc}' has dependencies and cannot be deleted."},
	{"DeleteVpc VpcId={empty-vpc}", 0, "DependencyViolation", "The vpc '{empty-vpc}' has dependencies and cannot be deleted."},
	{"DeleteSubnet SubnetId={a}", 0, "DependencyViolation", "The subnet '{a}' has dependencies and cannot be deleted."},
	{"DeleteRouteTable RouteTableId={rtb}", 0, "DependencyViolation", "The routeTable '{rtb}' has dependencies and cannot be deleted."},
	{"DeleteRouteTable RouteTableId={main-rtb}", 0, "DependencyViolation", "The routeTable '{main-rtb}' has dependencies and cannot be deleted."},
	{"DeleteInternetGateway InternetGatewayId={igw}", 0, "DependencyViolation", "The internetGateway '{igw}' has dependencies and cannot be deleted."},
	{"DetachInternetGateway InternetGatewayId={igw} VpcId={vpc}", 0, "DependencyViolation", "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."},
	{"DetachInternetGateway InternetGatewayId={igw2} VpcId={vpc}", 0, "Gateway.NotAttached", "resource {igw2} is not attached to network {vpc}"},
	{"DeleteSecurityGroup GroupId={sg}", 0, "DependencyViolation", "resource {sg} has a dependent object"},
	{"DeleteSecurityGroup GroupId={sg2}", 0, "DependencyViolation", "resource {sg2} has a dependent object"},
	{"DeleteSecurityGroup GroupId={default-sg}", 0, "CannotDelete", "the specified group: \"{default-sg}\" name: \"default\" cannot be deleted by a user"},
	{"ReleaseAddress AllocationId={eip}", 0, "InvalidIPAddress.InUse", "Address {address} is in use."},

	// What is there already, and what is in the way.
	{"CreateSecurityGroup VpcId={vpc} GroupName=web GroupDescription=again", 0, "InvalidGroup.Duplicate", "The security group 'web' already exists for VPC '{vpc}'"},
	{"AuthorizeSecurityGroupIngress GroupId={sg} IpPermissions.1.IpProtocol=tcp IpPermissions.1.FromPort=22 IpPermissions.1.ToPort=22 IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0", 0,
		"InvalidPermission.Duplicate", `the specified rule "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW" already exists`},
	{"RevokeSecurityGroupIngress GroupId={sg} IpPermissions.1.IpProtocol=udp IpPermissions.1.FromPort=22 IpPermissions.1.ToPort=22 IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0", 0,
		"InvalidPermission.NotFound", "The specified rule does not exist in this security group."},
	{"CreateRoute RouteTableId={rtb} DestinationCidrBlock=0.0.0.0/0 NetworkInterfaceId={eni}", 0, "RouteAlreadyExists", "The route identified by 0.0.0.0/0 already exists."},
	{"CreateRoute RouteTableId={rtb} DestinationCidrBlock=10.50.0.0/16 GatewayId={igw2}", 0, "InvalidParameterValue", "route table {rtb} and network gateway {igw2} belong to different networks"},
	{"CreateRoute RouteTableId={rtb} DestinationCidrBlock=10.50.0.0/16", 0, "MissingParameter", "…"},
	{"CreateRoute RouteTableId={rtb} DestinationCidrBlock=10.50.0.0/16 TransitGatewayId=tgw-0123456789abcdef0", 0, "UnsupportedOperation", "The parameter TransitGatewayId of CreateRoute is not served by Musubi."},
	{"DeleteRoute RouteTableId={rtb} DestinationCidrBlock=10.0.0.0/16", 0, "InvalidParameterValue", "cannot remove local route 10.0.0.0/16 in route table {rtb}"},
	{"AssociateRouteTable RouteTableId={main-rtb} SubnetId={a}", 0, "Resource.AlreadyAssociated", "the specified association for route table {main-rtb} conflicts with an existing association"},
	{"AssociateRouteTable RouteTableId={rtb} SubnetId={far}", 0, "InvalidParameterValue", "…"},
	{"AttachInternetGateway InternetGatewayId={igw} VpcId={empty-vpc}", 0, "Resource.AlreadyAssociated", "resource {igw} is already attached to network {vpc}"},
	{"AttachInternetGateway InternetGatewayId={igw2} VpcId={vpc}", 0, "Resource.AlreadyAssociated", "Network {vpc} already has an internet gateway attached"},
	{"AssociateAddress AllocationId={eip2} NetworkInterfaceId={eni}", 0, "Resource.AlreadyAssociated", "…"},
	{"CreateNatGateway SubnetId={a} AllocationId={eip}", 0, "Resource.AlreadyAssociated", "…"},
	{"ModifyVpcAttribute VpcId={vpc} EnableDnsSupport.Value=true EnableDnsHostnames.Value=true", 0, "InvalidParameterCombination", "Fields for multiple attribute types specified"},

	// Instances.
	{"RunInstances ImageId=ami-0123456789abcdef0 InstanceType=t3.micro MinCount=1 MaxCount=1 SubnetId={a}", 0, "InvalidAMIID.NotFound", "The image id '[ami-0123456789abcdef0]' does not exist"},
	{"RunInstances ImageId={ami} InstanceType=t9.micro MinCount=1 MaxCount=1 SubnetId={a}", 0, "InvalidParameterValue", "Invalid value 't9.micro' for InstanceType."},
	{"RunInstances ImageId={ami} InstanceType=t3.micro MinCount=2 MaxCount=1 SubnetId={a}", 0, "InvalidParameterValue", "…"},
	{"RunInstances ImageId={ami} InstanceType=t3.micro MinCount=1 MaxCount=1", 0, "VPCIdNotSpecified", "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC."},
	{"RunInstances ImageId={ami} InstanceType=t3.micro MinCount=1 MaxCount=1 SubnetId={far} SecurityGroupId.1={sg}", 0, "InvalidParameter", "Security group {sg} and subnet {far} belong to different networks."},
	{"RunInstances ImageId={ami} InstanceType=t3.micro MinCount=1 MaxCount=1 SubnetId={a} KeyName=nobody", 0, "InvalidKeyPair.NotFound", "The key pair 'nobody' does not exist"},
	{"RunInstances ImageId={ami} InstanceType=t3.micro MinCount=1 MaxCount=1 SubnetId={a} IamInstanceProfile.Name=nobody", 0, "InvalidParameterValue", "Value (nobody) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"},
	{"RunInstances ImageId={ami} InstanceType=t3.micro MinCount=1 MaxCount=1 SubnetId={a} InstanceMarketOptions.MarketType=spot", 0, "UnsupportedOperation", "The parameter InstanceMarketOptions of RunInstances is not served by Musubi."},
	{"StopInstances InstanceId.1={gone}", 0, "IncorrectInstanceState", "The instance '{gone}' is not in a state from which it can be stopped."},
	{"StartInstances InstanceId.1={gone}", 0, "IncorrectInstanceState", "The instance '{gone}' is not in a state from which it can be started."},
	{"ModifyInstanceAttribute InstanceId={instance} InstanceType.Value=t3.small", 0, "IncorrectInstanceState", "The instance '{instance}' is not in the 'stopped' state."},

	// Endpoints.
	{"CreateVpcEndpointServiceConfiguration AcceptanceRequired=false", 0, "InvalidParameter", "exactly one of network_load_balancer_arn or gateway_load_balancer_arn is a required member"},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={vpc} ServiceName=com.amazonaws.vpce.ap-northeast-1.vpce-svc-0123456789abcdef0 SubnetId.1={a}", 0, "InvalidServiceName", "The Vpc Endpoint Service 'com.amazonaws.vpce.ap-northeast-1.vpce-svc-0123456789abcdef0' does not exist"},
	{"CreateVpcEndpoint VpcId={vpc} ServiceName=com.amazonaws.ap-northeast-1.s3", 0, "InvalidServiceName", "…"},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={vpc} ServiceName={service-name} SubnetId.1={a} SubnetId.2={a2}", 0, "DuplicateSubnetsInSameZone", "Found another VPC endpoint subnet in the availability zone of {a2}. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service."},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={vpc} ServiceName={service-name} SubnetId.1={c}", 0, "InvalidParameter", "The VPC endpoint service {service-name} does not support the availability zone of the subnet: {c}."},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={vpc} ServiceName={service-name} SubnetId.1={a} PrivateDnsEnabled=true", 0, "InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {vpc}"},
	{"DetachNetworkInterface AttachmentId=eni-attach-0123456789abcdef0", 0, "InvalidAttachmentID.NotFound", "The attachment ID 'eni-attach-0123456789abcdef0' does not exist"},

	// Dry runs do all the checks and change nothing.
	{"CreateVpc CidrBlock=10.0.0.0/16 DryRun=true", 412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."},
	{"TerminateInstances InstanceId.1={instance} DryRun=true", 412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."},
	{"DescribeVpcs DryRun=true", 412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."},
	{"CreateVpc CidrBlock=10.0.0.0/8 DryRun=true", 0, "InvalidVpc.Range", "The CIDR '10.0.0.0/8' is invalid."},

	// Operations and parameters.
	{"CreateTransitGateway Description=x", 0, "UnsupportedOperation", "The operation CreateTransitGateway of ec2 is not served by Musubi."},
	{"CreateUniverse", 0, "InvalidAction", "The action CreateUniverse is not valid for this web service."},
	{"DescribeVpcs Colour=red", 0, "UnknownParameter", "The parameter Colour is not recognized"},
	{"CreateSubnet CidrBlock=10.0.0.0/24", 0, "MissingParameter", "The request must contain the parameter VpcId"},
	{"CreateVpc CidrBlock=10.0.0.0/16 AmazonProvidedIpv6CidrBlock=maybe", 0, "InvalidParameterValue", "Value (maybe) for parameter AmazonProvidedIpv6CidrBlock is invalid. It must be true or false."},
	{"CreateVpc CidrBlock=10.0.0.0/16 Ipv4IpamPoolId=ipam-pool-1", 0, "UnsupportedOperation", "The parameter Ipv4IpamPoolId of CreateVpc is not served by Musubi."},
	{"DescribeVpcs Filter.1.Name=colour Filter.1.Value.1=red", 0, "InvalidParameterValue", "The filter 'colour' is invalid"},
	{"DescribeSubnets NextToken=nonsense", 0, "InvalidNextToken", "The token 'nonsense' is invalid"},
	{"CreateVpc CidrBlock=10.0.0.0/16 TagSpecification.1.ResourceType=subnet TagSpecification.1.Tag.1.Key=a TagSpecification.1.Tag.1.Value=b", 0, "InvalidParameterValue", "'subnet' is not a valid taggable resource type for this operation."},
	{"CreateTags ResourceId.1={vpc} Tag.1.Key=aws:x Tag.1.Value=y", 0, "InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use"},
}

// strangerRefusals are what another account is told: that it is not there.
var strangerRefusals = []apiRefusal{
	{"DescribeVpcs VpcId.1={vpc}", 0, "InvalidVpcID.NotFound", "The vpc ID '{vpc}' does not exist"},
	{"DeleteSubnet SubnetId={a}", 0, "InvalidSubnetID.NotFound", "The subnet ID '{a}' does not exist"},
	{"TerminateInstances InstanceId.1={instance}", 0, "InvalidInstanceID.NotFound", "The instance ID '{instance}' does not exist"},
	{"DescribeVpcEndpointServices ServiceName.1={service-name}", 0, "InvalidServiceName", "The Vpc Endpoint Service '{service-name}' does not exist"},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={other-vpc} ServiceName={service-name}", 0, "InvalidServiceName", "The Vpc Endpoint Service '{service-name}' does not exist"},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={vpc} ServiceName={service-name}", 0, "InvalidVpcID.NotFound", "The vpc ID '{vpc}' does not exist"},
}
