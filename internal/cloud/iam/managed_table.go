package iam

import "strconv"

func versionID(n int) string { return "v" + strconv.Itoa(n) }

// managedTable is the AWS-managed policies that exist here, by name.
func managedTable() []managed {
	return []managed{
		{"", "AdministratorAccess", "Provides full access to AWS services and resources.", 1, []grant{allow("*")}},
		{"", "AmazonEC2ContainerRegistryReadOnly", "Provides read-only access to Amazon EC2 Container Registry repositories.", 4, []grant{
			allow("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:DescribeRepositories",
				"ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource", "ecr:DescribeImageScanFindings")}},
		{"", "AmazonEC2FullAccess", "Provides full access to Amazon EC2 via the AWS Management Console.", 6, []grant{
			allow("ec2:*"), allow("elasticloadbalancing:*"), allow("cloudwatch:*"), allow("autoscaling:*")}},
		{"", "AmazonEC2ReadOnlyAccess", "Provides read only access to Amazon EC2 via the AWS Management Console.", 3, []grant{
			allow("ec2:Describe*", "ec2:Get*"), allow("elasticloadbalancing:Describe*"), allow("cloudwatch:ListMetrics", "cloudwatch:GetMetricStatistics", "cloudwatch:Describe*"),
			allow("autoscaling:Describe*")}},
		{"", "AmazonECS_FullAccess", "Provides administrative access to Amazon ECS resources.", 22, []grant{allow("ecs:*", "ecr:GetAuthorizationToken", "ec2:Describe*", "elasticloadbalancing:*")}},
		{"", "AmazonRDSFullAccess", "Provides full access to Amazon RDS via the AWS Management Console.", 14, []grant{allow("rds:*")}},
		{"", "AmazonRDSReadOnlyAccess", "Provides read only access to Amazon RDS via the AWS Management Console.", 7, []grant{allow("rds:Describe*", "rds:ListTagsForResource")}},
		{"", "AmazonRoute53FullAccess", "Provides full access to all Amazon Route 53 via the AWS Management Console.", 4, []grant{
			allow("route53:*", "route53domains:*", "elasticloadbalancing:DescribeLoadBalancers", "ec2:DescribeVpcs", "ec2:DescribeVpcEndpoints", "ec2:DescribeRegions")}},
		{"", "AmazonRoute53ReadOnlyAccess", "Provides read only access to all Amazon Route 53 via the AWS Management Console.", 1, []grant{
			allow("route53:Get*", "route53:List*", "route53:TestDNSAnswer")}},
		{"", "AmazonS3FullAccess", "Provides full access to all buckets via the AWS Management Console.", 2, []grant{allow("s3:*", "s3-object-lambda:*")}},
		{"", "AmazonS3ReadOnlyAccess", "Provides read only access to all buckets via the AWS Management Console.", 3, []grant{
			allow("s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*")}},
		{"", "AmazonSSMFullAccess", "Provides full access to Amazon SSM.", 5, []grant{allow("ssm:*", "ds:CreateComputer", "ds:DescribeDirectories", "ec2:DescribeInstanceStatus", "logs:*", "ec2messages:*")}},
		{"", "AmazonSSMManagedEC2InstanceDefaultPolicy", "This policy enables AWS Systems Manager functionality on EC2 instances.", 1, ssmCore()},
		{"", "AmazonSSMManagedInstanceCore", "The policy for Amazon EC2 Role to enable AWS Systems Manager service core functionality.", 2, ssmCore()},
		{"", "AmazonSSMPatchAssociation", "Provide access to child instances for patch association operation.", 1, []grant{allow("ssm:DescribeEffectivePatchesForPatchBaseline", "ssm:GetPatchBaseline", "tag:GetResources")}},
		{"", "AmazonSSMReadOnlyAccess", "Provides read only access to Amazon SSM.", 1, []grant{allow("ssm:Describe*", "ssm:Get*", "ssm:List*")}},
		{"", "AmazonVPCFullAccess", "Provides full access to Amazon VPC via the AWS Management Console.", 13, []grant{allow("ec2:*Vpc*", "ec2:*Subnet*", "ec2:*Route*", "ec2:*SecurityGroup*", "ec2:*NetworkInterface*", "ec2:Describe*")}},
		{"", "AmazonVPCReadOnlyAccess", "Provides read only access to Amazon VPC via the AWS Management Console.", 10, []grant{allow("ec2:Describe*", "ec2:Get*", "ec2:Search*")}},
		{"", "CloudWatchAgentAdminPolicy", "Full permissions required to use AmazonCloudWatchAgent.", 3, []grant{allow(cloudWatchAgent()...), ssmParameter("ssm:GetParameter", "ssm:PutParameter")}},
		{"", "CloudWatchAgentServerPolicy", "Permissions required to use AmazonCloudWatchAgent on servers", 3, []grant{allow(cloudWatchAgent()...), ssmParameter("ssm:GetParameter")}},
		{"", "CloudWatchFullAccess", "Provides full access to CloudWatch.", 4, []grant{allow("autoscaling:Describe*", "cloudwatch:*", "logs:*", "sns:*")}},
		{"", "CloudWatchLogsFullAccess", "Provides full access to CloudWatch Logs", 2, []grant{allow("logs:*", "cloudwatch:GenerateQuery")}},
		{"", "CloudWatchReadOnlyAccess", "Provides read only access to CloudWatch.", 10, []grant{allow("autoscaling:Describe*", "cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*", "logs:Get*", "logs:List*", "logs:Describe*")}},
		{"", "ElasticLoadBalancingFullAccess", "Provides full access to Amazon ElasticLoadBalancing, and limited access to other services necessary to provide ElasticLoadBalancing features.", 8, []grant{
			allow("elasticloadbalancing:*"), allow("ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeInternetGateways", "ec2:DescribeSecurityGroups",
				"ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:GetCoipPoolUsage", "ec2:DescribeVpcPeeringConnections")}},
		{"", "ElasticLoadBalancingReadOnly", "Provides read only access to Amazon ElasticLoadBalancing and dependent services", 3, []grant{allow("elasticloadbalancing:Describe*", "elasticloadbalancing:Get*")}},
		{"", "IAMFullAccess", "Provides full access to IAM via the AWS Management Console.", 2, []grant{allow("iam:*", "organizations:Describe*", "organizations:List*")}},
		{"", "IAMReadOnlyAccess", "Provides read only access to IAM via the AWS Management Console.", 4, []grant{allow("iam:GenerateCredentialReport", "iam:Get*", "iam:List*", "iam:Simulate*")}},
		{"", "PowerUserAccess", "Provides full access to AWS services and resources, but does not allow management of Users and groups.", 5, []grant{
			{Effect: "Allow", NotAction: []string{"iam:*", "organizations:*", "account:*"}, Resource: "*"},
			allow("iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles", "organizations:DescribeOrganization", "account:ListRegions")}},
		{"", "ReadOnlyAccess", "Provides read-only access to AWS services and resources.", 128, []grant{allow("*:Describe*", "*:Get*", "*:List*", "*:BatchGet*")}},
		{"", "SecretsManagerReadWrite", "Provides read/write access to AWS Secrets Manager via the AWS Management Console.", 5, []grant{allow("secretsmanager:*", "kms:DescribeKey", "kms:ListAliases", "kms:ListKeys")}},
		{"", "SecurityAudit", "The security audit template grants access to read security configuration metadata.", 50, []grant{allow("*:Describe*", "*:List*", "iam:Get*", "iam:GenerateCredentialReport")}},
		{"/job-function/", "NetworkAdministrator", "This policy grants full access permissions to AWS services and actions required to set up and configure AWS network resources.", 12, []grant{
			allow("ec2:*", "elasticloadbalancing:*", "route53:*", "directconnect:*", "cloudfront:ListDistributions", "logs:DescribeLogGroups")}},
		{"/job-function/", "SystemAdministrator", "This policy grants full access permissions necessary for resources required for application and development operations.", 6, []grant{
			allow("cloudwatch:*", "ec2:*", "elasticloadbalancing:*", "iam:Get*", "iam:List*", "s3:Get*", "ssm:*")}},
		{"/job-function/", "ViewOnlyAccess", "This policy grants permissions to view resources and basic metadata across all AWS services.", 20, []grant{allow("*:Describe*", "*:List*")}},
		{"/service-role/", "AWSLambdaBasicExecutionRole", "Provides write permissions to CloudWatch Logs.", 1, []grant{allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")}},
		{"/service-role/", "AWSLambdaVPCAccessExecutionRole", "Provides minimum permissions for a Lambda function to execute while accessing a resource within a VPC.", 3, []grant{
			allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
				"ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses")}},
		{"/service-role/", "AmazonEC2ContainerServiceforEC2Role", "Default policy for the Amazon EC2 Role for Amazon EC2 Container Service.", 7, []grant{
			allow("ec2:DescribeTags", "ecs:*", "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "logs:CreateLogStream", "logs:PutLogEvents")}},
		{"/service-role/", "AmazonEC2RoleforSSM", "This policy will soon be deprecated. Please use AmazonSSMManagedInstanceCore policy to enable AWS Systems Manager service core functionality on EC2 instances.", 8, ssmCore()},
		{"/service-role/", "AmazonECSTaskExecutionRolePolicy", "Provides access to other AWS service resources that are required to run Amazon ECS tasks", 1, []grant{
			allow("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "logs:CreateLogStream", "logs:PutLogEvents")}},
	}
}

// ssmCore is what the Session Manager agent of an instance needs.
func ssmCore() []grant {
	return []grant{
		allow("ssm:DescribeAssociation", "ssm:GetDeployablePatchSnapshotForInstance", "ssm:GetDocument", "ssm:DescribeDocument", "ssm:GetManifest", "ssm:GetParameter",
			"ssm:GetParameters", "ssm:ListAssociations", "ssm:ListInstanceAssociations", "ssm:PutInventory", "ssm:PutComplianceItems", "ssm:PutConfigurePackageResult",
			"ssm:UpdateAssociationStatus", "ssm:UpdateInstanceAssociationStatus", "ssm:UpdateInstanceInformation"),
		allow("ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"),
		allow("ec2messages:AcknowledgeMessage", "ec2messages:DeleteMessage", "ec2messages:FailMessage", "ec2messages:GetEndpoint", "ec2messages:GetMessages", "ec2messages:SendReply"),
	}
}

func cloudWatchAgent() []string {
	return []string{"cloudwatch:PutMetricData", "ec2:DescribeVolumes", "ec2:DescribeTags", "logs:PutLogEvents", "logs:PutRetentionPolicy", "logs:DescribeLogStreams",
		"logs:DescribeLogGroups", "logs:CreateLogStream", "logs:CreateLogGroup", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
}

func ssmParameter(actions ...string) grant {
	return grant{Effect: "Allow", Action: actions, Resource: "arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*"}
}
