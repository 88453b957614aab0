#!/usr/bin/env bash
# make demo-alone: an instance that no gateway leads to or from. Without endpoints
# it reaches nobody; with them it calls AWS, and Session Manager calls it.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
command -v aws >/dev/null || die "the AWS CLI is missing: install awscli, then run this demo again"
begin
# Older AWS CLIs do not read AWS_ENDPOINT_URL.
call() { aws --endpoint-url "$AWS_ENDPOINT_URL" --output text "$@"; }

# send runs a command in the instance by Systems Manager and shows what it says.
send() {
  local id
  id=$(call ssm send-command --instance-ids "$instance" --document-name AWS-RunShellScript \
    --parameters "$(printf '{"commands":["%s"]}' "$1")" --query Command.CommandId)
  until_true 60 finished "$id" || die "the command $id does not end"
  call ssm get-command-invocation --command-id "$id" --instance-id "$instance" \
    --query '[StandardOutputContent, StandardErrorContent]' | tr '\t' '\n' | grep -v '^ *$' | fold -s -w 74 | indent
}
finished() {
  call ssm get-command-invocation --command-id "$1" --instance-id "$instance" --query Status | grep -q -v -e Pending -e InProgress
}
online() {
  call ssm describe-instance-information --query 'InstanceInformationList[].[InstanceId, PingStatus]' | grep -q "$instance.Online"
}

say "2. terraform apply: a VPC without a gateway, an instance in it"
workplace
applied "terraform apply, endpoints=false" -var endpoints=false
instance=$(terraform output -raw instance_id)
region=$(terraform output -raw region)

say "3. Nobody is reached, by nobody"
echo "  aws ssm start-session --target $instance"
call ssm start-session --target "$instance" 2>&1 | grep -v '^ *$' | fold -s -w 74 | indent || true
echo "  and inside, curl https://ec2.$region.amazonaws.com/"
"$musubi" exec "$instance" -- curl -sS --max-time 3 "https://ec2.$region.amazonaws.com/" 2>&1 | indent || true

say "4. terraform apply: five interface endpoints"
applied "terraform apply, endpoints=true" -var endpoints=true
quietly "wait for the agent to reach Systems Manager" until_true 90 online

say "5. The names of AWS's services lead to addresses of this VPC"
for service in ssm ssmmessages ec2; do
  "$musubi" exec "$instance" -- nslookup "$service.$region.amazonaws.com" | awk -v n="$service.$region.amazonaws.com" '
    $1 == "Address:" && $2 !~ /#/ { a = a " " $2 } END { printf "  %-40s%s\n", n, a }'
done

say "6. A command, by Systems Manager: who am I, and what is my VPC?"
send "aws sts get-caller-identity --output text --query Arn --region $region; aws ec2 describe-vpcs --output text --query Vpcs[].[VpcId,CidrBlock] --region $region"

say "7. The role may do anything in EC2; the endpoint's policy lets it look"
send "aws ec2 create-tags --resources $instance --tags Key=a,Value=b --region $region 2>&1 || true"

say "Still running: Musubi with this lab in it"
cat <<EOT
  by Session Manager         eval "\$(bin/musubi env)"
                             aws ssm start-session --target $instance
  a shell without it         bin/musubi shell no-way-out
  what it holds              bin/musubi status
  stop, forget everything    bin/musubi down --purge
EOT
