#!/usr/bin/env bash
# make demo-alb: an internet-facing ALB of one account, reached from a VPC of
# another by PrivateLink, and what a certificate makes of it.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
command -v curl >/dev/null || die "curl is missing: it plays the client on the internet"
begin

say "2. terraform apply: three accounts, an ALB that speaks HTTPS only, PrivateLink"
workplace
applied "terraform apply"
client=$(terraform output -raw client_instance_id)
url=$(terraform output -raw url)
endpoint=$(terraform output -raw endpoint_dns_name)
service=$(terraform output -raw service_name)
host=${url#https://}
host=${host%/}
inside() { "$musubi" exec "$client" -- "$@"; }

quietly "wait for the targets to be healthy" until_true 120 inside curl -sf --max-time 3 -o /dev/null "$url"

say "3. The consumer calls the custom domain: $host"
echo "  Its private zone leads the name to the endpoint, so the name fits the certificate."
inside sh -c "for i in \$(seq 20); do curl -s --max-time 5 $url; done" | sort | uniq -c | indent

say "4. The consumer calls the endpoint's own name"
echo "  The same ALB answers with the same certificate, which is not for this name."
inside curl -sS --max-time 5 "https://$endpoint/" 2>&1 | indent || true

say "5. A client on the internet calls the ALB as ever"
echo "  Nothing was changed for it: the public zone leads to the ALB's public addresses."
ca=$(mktemp) log=$(mktemp)
"$musubi" ca >"$ca"
"$musubi" proxy internet --listen 127.0.0.1:0 --json >"$log" &
proxy=$!
trap 'kill "$proxy" 2>/dev/null || true; rm -f "$ca" "$log"' EXIT
until_true 20 grep -q listen "$log" || die "musubi proxy does not answer"
address=$(sed -n 's/.*"listen": *"\([^"]*\)".*/\1/p' "$log" | head -n 1)
curl -sS --max-time 10 --proxy "socks5h://$address" --cacert "$ca" "$url" 2>&1 | indent

say "6. A third account asks for $service"
echo "  It is not among the allowed principals: AWS does not even say that it exists."
mkdir -p outsider
cd outsider
[ -d .terraform ] || quietly "terraform init" terraform init -input=false
if terraform apply -auto-approve -input=false -no-color -var "service_name=$service" >apply.log 2>&1; then
  die "the third account was let in"
fi
grep -o 'InvalidServiceName.*' apply.log | fold -s -w 74 | sed "s, *$,," | indent

say "Still running: Musubi with this lab in it"
cat <<EOT
  open a shell in the consumer   bin/musubi shell client
  a browser on the internet      bin/musubi proxy internet
  what it holds                  bin/musubi status
  stop, and forget everything    bin/musubi down --purge
EOT
