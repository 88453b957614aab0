# What the demos share; sourced by them. The caller has set $here to its own
# directory. Sets $root, $musubi and $MUSUBI_DIR.
# shellcheck shell=bash

root=$(cd "$here/../.." && pwd)
musubi=$root/bin/musubi
export MUSUBI_DIR=${MUSUBI_DIR:-${XDG_STATE_HOME:-$HOME/.local/state}/musubi}
export TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1

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

# applied TEXT [OPTION…] applies the Terraform of the current directory.
applied() {
  local text=$1
  shift
  quietly "$text" terraform apply -auto-approve -input=false -no-color "$@"
}

# begin checks what a demo needs, starts Musubi if none runs, and points
# Terraform at it.
begin() {
  command -v terraform >/dev/null || die "Terraform is missing: install it from your distribution or from HashiCorp, then run this demo again"
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
}

# workplace makes a directory for Terraform with this example's files in it, and
# goes there. `musubi down --purge` removes it. A machine with a mirror of the
# provider need not download it.
workplace() {
  local p work
  work=$MUSUBI_DIR/demo/$(basename "$here")
  mkdir -p "$work"
  cp -r "$here"/* "$work/"
  cd "$work"
  for p in /*/registry.terraform.io /*/*/registry.terraform.io /*/*/*/registry.terraform.io; do
    if [ -d "$p" ]; then
      printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' "$(dirname "$p")" >terraform.rc
      export TF_CLI_CONFIG_FILE=$PWD/terraform.rc
      break
    fi
  done
  [ -d .terraform ] || quietly "terraform init" terraform init -input=false
}

# until_true SECONDS CMD… tries CMD each second until it succeeds.
until_true() {
  local left=$1
  shift
  while ! "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 1
  done
}

indent() { sed 's/^/  /'; }
