#!/usr/bin/env bash
# make demo: the experiment of the article, from nothing to a table.
# It starts Musubi if none runs, applies this directory's Terraform, and calls
# the service 60 times with cross-zone load balancing off, then on.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
begin

say "2. terraform apply: two VPCs of one range, 10.0.0.0/16, and PrivateLink"
workplace
apply() { applied "terraform apply, cross_zone=$1" -var "cross_zone=$1"; }
apply false
consumer=$(terraform output -raw consumer_instance_id)
url=$(terraform output -raw url)
name=${url#http://}
name=${name%/}

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
"$musubi" exec "$consumer" -- nslookup "$name" | indent

quietly "wait for the targets to be healthy" until_true 90 "$musubi" exec "$consumer" -- curl -s --max-time 2 -o /dev/null "$url"
say "4. Cross-zone off: 60 times curl $url"
measure

say "5. Cross-zone on"
apply true
measure

say "Still running: Musubi with this lab in it"
cat <<EOT
  a shell in the consumer   bin/musubi shell consumer-instance
  one by Session Manager    eval "\$(bin/musubi env)"
                            aws ssm start-session --target $consumer
  your own Terraform        eval "\$(bin/musubi env)" && terraform apply
  what it holds             bin/musubi status
  stop, forget everything   bin/musubi down --purge
EOT
