#!/usr/bin/env bash
# The main job, for real: three hosts with a plaintext MariaDB Galera cluster
# are made on this machine, their traffic is read off the wire, lockstep encrypts
# it under a running load, and the same look at the wire finds nothing. Where
# hosts cannot be made, a smaller plan runs against hosts served in-process.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/bin:$PATH"

say() { printf '\n\033[1m==> %s\033[0m\n' "$*"; }
show() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }

if [ "$(id -u)" != 0 ] || [ "$(uname)" != Linux ]; then
  say "not root on Linux: without the database, against hosts served in-process"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cp -r examples/quickstart "$work/"
  lockstep-lab serve -- sh -ec '
    cd "$1"
    lockstep plan quickstart/plan.yml
    lockstep apply --auto-approve quickstart/plan.yml
    lockstep apply --auto-approve quickstart/plan.yml' demo "$work"
  exit
fi

state=${LOCKSTEP_DEMO_DIR:-$(mktemp -d /tmp/lockstep-demo.XXXXXX)}
export LOCKSTEP_LAB_DIR="$state/lab"
export LOCKSTEP_INVENTORY="$LOCKSTEP_LAB_DIR/inventory.yml"
load=
finish() {
  [ -z "$load" ] || kill "$load" 2>/dev/null || true
  lockstep-lab down
  rm -rf "$state"
}
trap finish EXIT
cp -r examples/galera-tls "$state/"
cd "$state"
plan=galera-tls/plan.yml

say "three hosts with a plaintext cluster"
show lockstep-lab up

say "rows are readable on the wire"
show lockstep-lab sniff

say "what would be changed (nothing is)"
show lockstep plan "$plan"

say "encrypt it while clients go on writing"
lockstep-lab load --until-stopped >"$state/load.txt" 2>&1 &
load=$!
show lockstep apply --auto-approve "$plan" | sed -n '/^stage 1 /,$p'
kill -INT "$load"
wait "$load" || { cat "$state/load.txt"; exit 1; }
load=
say "what the clients saw"
cat "$state/load.txt"

say "the same look at the wire, with a full and an incremental state transfer"
show lockstep-lab sniff --transfer --expect-unreadable

say "a second run changes nothing"
show lockstep apply --auto-approve "$plan"

say "take the hosts down"
