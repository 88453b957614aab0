package amazon

import "strings"

// Others lists services of AWS that this cloud does not serve and that have VPC
// endpoints: a user may map each to a program on the host.
func Others() []Service {
	out := []Service{
		{Name: "s3", Global: true, Below: true, Gateway: true, Open: true},
		{Name: "dynamodb", Gateway: true, NoPrivateDNS: true},
		{Name: "ecr.api", Label: "api.ecr", Sign: "ecr"},
		{Name: "ecr.dkr", Label: "dkr.ecr", Sign: "ecr", OnlyBelow: true, Open: true},
		{Name: "execute-api", OnlyBelow: true, Open: true},
	}
	for pair := range strings.FieldsSeq(plain) {
		name, rest, _ := strings.Cut(pair, "=")
		label, sign, _ := strings.Cut(rest, "/")
		out = append(out, Service{Name: name, Label: label, Sign: sign})
	}
	for i := range out {
		out[i].Regional, out[i].Endpoint = true, true
	}
	return out
}

// plain are the services with one name in each region: the name of the endpoint
// service, "=" the label of the host name where it is another, and "/" the signing
// name where it is another still.
const plain = `
access-analyzer acm-pca aps aps-workspaces=aps-workspaces/aps appconfig appconfigdata=/appconfig application-autoscaling apprunner
athena autoscaling autoscaling-plans backup batch bedrock bedrock-agent=/bedrock bedrock-agent-runtime=/bedrock
bedrock-runtime=/bedrock cloudformation cloudhsmv2=/cloudhsm cloudtrail codeartifact.api=/codeartifact codebuild codecommit
codedeploy codepipeline comprehend config databrew datasync dms dynamodb-streams=streams.dynamodb/dynamodb ebs ecs ecs-agent=ecs-a/ecs
ecs-telemetry=ecs-t/ecs eks eks-auth elasticache elasticbeanstalk elasticfilesystem elasticmapreduce email=email/ses events
fis fsx glue grafana guardduty imagebuilder inspector2 iot.data=data.iot/iotdata kendra kinesis-firehose=firehose
kinesis-streams=kinesis kms lakeformation lambda license-manager logs macie2 monitoring mq networkmanager notebook=/sagemaker
organizations oam pipes polly rds rds-data redshift redshift-data rekognition resiliencehub rolesanywhere rum sagemaker.api=api.sagemaker/sagemaker
sagemaker.runtime=runtime.sagemaker/sagemaker scheduler secretsmanager securityhub servicecatalog servicediscovery signer sqs
states storagegateway swf sync-states=sync-states/states synthetics textract transcribe transfer translate
transcribestreaming=/transcribe verifiedpermissions wafv2 workspaces xray
`
