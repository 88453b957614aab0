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
		{"", "AmazonEC2FullAccess", "Provides full access to Amazon EC2 via the AWS Management Console.", 5, []grant{
			allow("ec2:*"), allow("elasticloadbalancing:*"), allow("cloudwatch:*"), allow("autoscaling:*"), linked("autoscaling", "ec2scheduled", "elasticloadbalancing", "spot", "spotfleet", "transitgateway")}},
		{"", "AmazonEC2ReadOnlyAccess", "Provides read only access to Amazon EC2 via the AWS Management Console.", 5, []grant{
			allow("ec2:Describe*", "ec2:GetSecurityGroupsForVpc"), allow("elasticloadbalancing:Describe*"), allow("cloudwatch:ListMetrics", "cloudwatch:GetMetricStatistics", "cloudwatch:Describe*"),
			allow("autoscaling:Describe*")}},
		{"", "AmazonECS_FullAccess", "Provides administrative access to Amazon ECS resources.", 22, []grant{allow("ecs:*", "ecr:GetAuthorizationToken", "ec2:Describe*", "elasticloadbalancing:*")}},
		{"", "AmazonRDSFullAccess", "Provides full access to Amazon RDS via the AWS Management Console.", 14, []grant{allow("rds:*")}},
		{"", "AmazonRDSReadOnlyAccess", "Provides read only access to Amazon RDS via the AWS Management Console.", 7, []grant{allow("rds:Describe*", "rds:ListTagsForResource")}},
		{"", "AmazonRoute53FullAccess", "Provides full access to all Amazon Route 53 via the AWS Management Console.", 7, []grant{
			allow("route53:*", "route53domains:*", "cloudfront:ListDistributions", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricStatistics", "cloudwatch:GetMetricData",
				"ec2:DescribeVpcs", "ec2:DescribeVpcEndpoints", "ec2:DescribeRegions", "elasticloadbalancing:DescribeLoadBalancers", "elasticbeanstalk:DescribeEnvironments",
				"s3:ListBucket", "s3:GetBucketLocation", "s3:GetBucketWebsite", "sns:ListTopics", "sns:ListSubscriptionsByTopic", "tag:GetResources")}},
		{"", "AmazonRoute53ReadOnlyAccess", "Provides read only access to all Amazon Route 53 via the AWS Management Console.", 2, []grant{
			allow("route53:Get*", "route53:List*", "route53:TestDNSAnswer")}},
		{"", "AmazonS3FullAccess", "Provides full access to all buckets via the AWS Management Console.", 2, []grant{allow("s3:*", "s3-object-lambda:*")}},
		{"", "AmazonS3ReadOnlyAccess", "Provides read only access to all buckets via the AWS Management Console.", 3, []grant{
			allow("s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*")}},
		{"", "AmazonSSMFullAccess", "Provides full access to Amazon SSM.", 4, []grant{
			allow("cloudwatch:PutMetricData", "ds:CreateComputer", "ds:DescribeDirectories", "ec2:DescribeInstanceStatus", "logs:*", "ssm:*", "ec2messages:*"), messageChannels()}},
		{"", "AmazonSSMManagedEC2InstanceDefaultPolicy", "This policy enables AWS Systems Manager functionality on EC2 instances.", 2, ssmCore()},
		{"", "AmazonSSMManagedInstanceCore", "The policy for Amazon EC2 Role to enable AWS Systems Manager service core functionality.", 2, ssmCore("ssm:GetParameter", "ssm:GetParameters")},
		{"", "AmazonSSMPatchAssociation", "Provide access to child instances for patch association operation.", 1, []grant{
			{Effect: "Allow", Action: []string{"ssm:DescribeEffectivePatchesForPatchBaseline", "ssm:GetPatchBaseline"}, Resource: "arn:aws:ssm:*:*:patchbaseline/*"},
			allow("tag:GetResources", "ssm:DescribePatchBaselines")}},
		{"", "AmazonSSMReadOnlyAccess", "Provides read only access to Amazon SSM.", 1, []grant{allow("ssm:Describe*", "ssm:Get*", "ssm:List*")}},
		{"", "AmazonVPCFullAccess", "Provides full access to Amazon VPC via the AWS Management Console.", 13, []grant{allow(append(vpcRead(), vpcWrite()...)...)}},
		{"", "AmazonVPCReadOnlyAccess", "Provides read only access to Amazon VPC via the AWS Management Console.", 12, []grant{allow(vpcRead()...)}},
		{"", "CloudWatchAgentAdminPolicy", "Full permissions required to use AmazonCloudWatchAgent.", 2, []grant{allow(cloudWatchAgent()...), ssmParameter("ssm:GetParameter", "ssm:PutParameter")}},
		{"", "CloudWatchAgentServerPolicy", "Permissions required to use AmazonCloudWatchAgent on servers", 3, []grant{
			allow(append(cloudWatchAgent(), "ec2:DescribeVolumes")...), ssmParameter("ssm:GetParameter")}},
		{"", "CloudWatchFullAccess", "Provides full access to CloudWatch.", 4, []grant{
			allow("autoscaling:Describe*", "cloudwatch:*", "logs:*", "sns:*", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole", "oam:ListSinks")}},
		{"", "CloudWatchLogsFullAccess", "Provides full access to CloudWatch Logs", 8, []grant{allow("logs:*", "cloudwatch:GenerateQuery", "cloudwatch:GenerateQueryResultsSummary")}},
		{"", "CloudWatchReadOnlyAccess", "Provides read only access to CloudWatch.", 24, []grant{
			allow("autoscaling:Describe*", "cloudwatch:BatchGet*", "cloudwatch:Describe*", "cloudwatch:GenerateQuery", "cloudwatch:Get*", "cloudwatch:List*", "logs:Get*", "logs:List*",
				"logs:StartQuery", "logs:StopQuery", "logs:Describe*", "logs:TestMetricFilter", "logs:FilterLogEvents", "logs:StartLiveTail", "logs:StopLiveTail", "oam:ListSinks", "sns:Get*", "sns:List*")}},
		{"", "ElasticLoadBalancingFullAccess", "Provides full access to Amazon ElasticLoadBalancing, and limited access to other services necessary to provide ElasticLoadBalancing features.", 9, []grant{
			allow("elasticloadbalancing:*"), allow("ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeInternetGateways", "ec2:DescribeSecurityGroups",
				"ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:DescribeVpcClassicLink", "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeClassicLinkInstances",
				"ec2:DescribeRouteTables", "ec2:DescribeCoipPools", "ec2:GetCoipPoolUsage", "ec2:GetSecurityGroupsForVpc", "ec2:DescribeVpcPeeringConnections",
				"ec2:DescribeAvailabilityZones", "cognito-idp:DescribeUserPoolClient"), linked("elasticloadbalancing")}},
		{"", "ElasticLoadBalancingReadOnly", "Provides read only access to Amazon ElasticLoadBalancing and dependent services", 3, []grant{
			allow("elasticloadbalancing:Describe*", "elasticloadbalancing:Get*"), allow("ec2:DescribeInstances", "ec2:DescribeClassicLinkInstances", "ec2:DescribeSecurityGroups")}},
		{"", "IAMFullAccess", "Provides full access to IAM via the AWS Management Console.", 2, []grant{
			allow("iam:*", "organizations:DescribeAccount", "organizations:DescribeOrganization", "organizations:DescribeOrganizationalUnit", "organizations:DescribePolicy",
				"organizations:ListChildren", "organizations:ListParents", "organizations:ListPoliciesForTarget", "organizations:ListRoots", "organizations:ListPolicies", "organizations:ListTargetsForPolicy")}},
		{"", "IAMReadOnlyAccess", "Provides read only access to IAM via the AWS Management Console.", 4, []grant{
			allow("iam:GenerateCredentialReport", "iam:GenerateServiceLastAccessedDetails", "iam:Get*", "iam:List*", "iam:SimulateCustomPolicy", "iam:SimulatePrincipalPolicy")}},
		{"", "PowerUserAccess", "Provides full access to AWS services and resources, but does not allow management of Users and groups.", 12, []grant{
			{Effect: "Allow", NotAction: []string{"iam:*", "organizations:*", "account:*"}, Resource: "*"},
			allow("account:GetAccountInformation", "account:GetGovCloudAccountInformation", "account:GetPrimaryEmail", "account:ListRegions", "iam:CreateServiceLinkedRole",
				"iam:DeleteServiceLinkedRole", "iam:ListRoles", "organizations:DescribeEffectivePolicy", "organizations:DescribeOrganization")}},
		{"", "ReadOnlyAccess", "Provides read-only access to AWS services and resources.", 182, []grant{allow(readOnly()...)}},
		{"", "SecretsManagerReadWrite", "Provides read/write access to AWS Secrets Manager via the AWS Management Console.", 5, []grant{allow("secretsmanager:*", "kms:DescribeKey", "kms:ListAliases", "kms:ListKeys")}},
		{"", "SecurityAudit", "The security audit template grants access to read security configuration metadata.", 86, []grant{allow(securityAudit()...)}},
		{"/job-function/", "NetworkAdministrator", "This policy grants full access permissions to AWS services and actions required to set up and configure AWS network resources.", 15, []grant{
			allow(append(append(vpcRead(), vpcWrite()...), "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricStatistics", "cloudwatch:PutMetricAlarm",
				"ec2:CreatePlacementGroup", "ec2:DeletePlacementGroup", "ec2:DescribePlacementGroups", "ec2:DescribePublicIpv4Pools", "ec2:DeleteVolume", "ec2:GetConsoleScreenshot",
				"elasticloadbalancing:*", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:GetLogEvents", "route53:*", "sns:CreateTopic", "sns:ListSubscriptionsByTopic", "sns:ListTopics",
				"s3:GetBucketLocation", "s3:GetBucketWebsite", "s3:ListBucket")...),
			{Effect: "Allow", Action: []string{"iam:GetRole", "iam:ListRoles", "iam:PassRole"}, Resource: "arn:aws:iam::*:role/flow-logs-*"}}},
		{"/job-function/", "SystemAdministrator", "This policy grants full access permissions necessary for resources required for application and development operations.", 12, []grant{allow(systemAdministrator()...)}},
		{"/job-function/", "ViewOnlyAccess", "This policy grants permissions to view resources and basic metadata across all AWS services.", 45, []grant{allow(viewOnly()...)}},
		{"/service-role/", "AWSLambdaBasicExecutionRole", "Provides write permissions to CloudWatch Logs.", 1, []grant{allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")}},
		{"/service-role/", "AWSLambdaVPCAccessExecutionRole", "Provides minimum permissions for a Lambda function to execute while accessing a resource within a VPC.", 3, []grant{
			allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
				"ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses")}},
		{"/service-role/", "AmazonEC2ContainerServiceforEC2Role", "Default policy for the Amazon EC2 Role for Amazon EC2 Container Service.", 10, []grant{
			allow("ec2:DescribeTags", "ecs:CreateCluster", "ecs:DeregisterContainerInstance", "ecs:DiscoverPollEndpoint", "ecs:Poll", "ecs:RegisterContainerInstance", "ecs:StartTelemetrySession",
				"ecs:UpdateContainerInstancesState", "ecs:Submit*", "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage",
				"logs:CreateLogStream", "logs:PutLogEvents")}},
		{"/service-role/", "AmazonEC2RoleforSSM", "This policy will soon be deprecated. Please use AmazonSSMManagedInstanceCore policy to enable AWS Systems Manager service core functionality on EC2 instances.", 8,
			append(ssmCore("ssm:GetParameters"), allow("cloudwatch:PutMetricData"), allow("ec2:DescribeInstanceStatus"), allow("ds:CreateComputer", "ds:DescribeDirectories"),
				allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents"),
				allow("s3:GetBucketLocation", "s3:PutObject", "s3:GetObject", "s3:GetEncryptionConfiguration", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:ListBucket", "s3:ListBucketMultipartUploads"))},
		{"/service-role/", "AmazonECSTaskExecutionRolePolicy", "Provides access to other AWS service resources that are required to run Amazon ECS tasks", 1, []grant{
			allow("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "logs:CreateLogStream", "logs:PutLogEvents")}},
	}
}
