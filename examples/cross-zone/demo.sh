#!/usr/bin/env bash
# make demo: the experiment of the article, from nothing to a table.
# It starts Musubi if none runs, applies this directory's Terraform, and calls
# the service 60 times with cross-zone load balancing off, then on.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
musubi=$root/bin/musubi
state=${XDG_STATE_HOME:-$HOME/.local/state}/musubi
export MUSUBI_DIR=${MUSUBI_DIR:-$state}
work=$MUSUBI_DIR/demo

bold='' dim='' green='' off=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' off=$'\e[0m'
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$off"; }
die() { printf 'demo: %s\n' "$*" >&2; exit 1; }

# quietly TEXT CMD… shows TEXT with the seconds that CMD takes, and CMD's output
# only if it fails.
quietly() {
  local text=$1 log begin=$SECONDS pid
  shift
  log=$(mktemp)
  "$@" >"$log" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    [ -t 1 ] && printf '\r  %s … %ds ' "$text" $((SECONDS - begin))
    sleep 1
  done
  if wait "$pid"; then
    [ -t 1 ] && printf '\r'
    printf '  %s %s(%ds)%s   \n' "$text" "$dim" $((SECONDS - begin)) "$off"
    rm -f "$log"
  else
    printf '\n'
    tail -n 40 "$log" >&2
    rm -f "$log"
    die "$text failed; what it printed is above"
  fi
}

command -v terraform >/dev/null || die "Terraform is missing: install it from your distribution or from HashiCorp, then run make demo again"
[ -x "$musubi" ] || die "bin/musubi is missing: run make build"

say "1. Musubi"
if "$musubi" status >/dev/null 2>&1; then
  echo "  runs already"
else
  quietly "start" "$musubi" up --detach
fi
# What points AWS clients elsewhere must not leak into the demo.
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_CA_BUNDLE AWS_REGION AWS_DEFAULT_REGION TF_CLI_CONFIG_FILE
eval "$("$musubi" env)"

say "2. terraform apply: two VPCs with the same range 10.0.0.0/16, PrivateLink between"
mkdir -p "$work"
cp -r "$here"/*.tf "$here/modules" "$work/"
cd "$work"
export TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
for p in /*/registry.terraform.io /*/*/registry.terraform.io /*/*/*/registry.terraform.io; do
  if [ -d "$p" ]; then
    printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' "$(dirname "$p")" >"$work/terraform.rc"
    export TF_CLI_CONFIG_FILE=$work/terraform.rc
    break
  fi
done
[ -d .terraform ] || quietly "terraform init" terraform init -input=false
apply() { quietly "terraform apply, cross_zone=$1" terraform apply -auto-approve -input=false -var "cross_zone=$1"; }
apply false
consumer=$(terraform output -raw consumer_instance_id)
url=$(terraform output -raw url)
name=${url#http://}
name=${name%/}

# healthy waits until all three targets take traffic.
healthy() {
  local i
  for i in $(seq 90); do
    if "$musubi" exec "$consumer" -- curl -s --max-time 2 -o /dev/null "$url"; then return 0; fi
    sleep 1
  done
  return 1
}

# measure calls the service 60 times and draws a bar per subnet.
measure() {
  "$musubi" exec "$consumer" -- sh -c "for i in \$(seq 60); do curl -s --max-time 5 $url; done" |
    awk -v green="$green" -v off="$off" '
      match($0, /Subnet [0-9]+/) { n[substr($0, RSTART + 7, RLENGTH - 7)]++; total++ }
      END {
        for (s = 1; s <= 3; s++) {
          bar = ""
          for (i = 0; i < n[s]; i++) bar = bar "#"
          printf "  Subnet %d  %3d  %s%s%s\n", s, n[s], green, bar, off
        }
        printf "  answered  %3d of 60\n", total
      }'
}

say "3. From the consumer: nslookup $name"
"$musubi" exec "$consumer" -- nslookup "$name" | sed 's/^/  /'

quietly "wait for the targets to be healthy" healthy
say "4. Cross-zone off: 60 times curl $url"
measure

say "5. Cross-zone on"
apply true
measure

say "Still running: Musubi with this lab in it"
cat <<EOT
  open a shell in the consumer   bin/musubi shell consumer-instance
  your own Terraform             eval "\$(bin/musubi env)" && terraform apply
  what it holds                  bin/musubi status
  stop, and forget everything    bin/musubi down --purge
EOT
