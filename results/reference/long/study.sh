#!/usr/bin/env bash
# The long study: one benchmark for each row of the plan in README.md; tables of both heads go into this folder.
# From the root of the repository, after `make run` has made .venv:  results/reference/long/study.sh [--dry-run]
set -euo pipefail
folder=$(dirname "$0")

benchmark() { # name, settings...
  local setting=(preset=study "name=study-$1" "${@:2}") head
  .venv/bin/fabbench run "${setting[@]}" ${dry_run:+--dry-run} > /dev/null
  [ -n "${dry_run:-}" ] && return
  for head in exact linear; do
    .venv/bin/fabbench tables "${setting[@]}" "probe.table_head=$head" --format json > "$folder/$1-$head.json"
  done
}

dry_run=${1:+yes}
methods='[autoencoder,rotation,split_brain,split_brain-full,fabnet]'
benchmark 800 train.steps=800
benchmark 3200 train.steps=3200
benchmark 12800 train.steps=12800 seeds=3
benchmark 1600-frames train.steps=1600 "methods=[autoencoder,rotation,split_brain,split_brain-full]" # as FAb-Net at 800
benchmark 6400-frames train.steps=6400 "methods=[autoencoder,rotation,split_brain,split_brain-full]" # as FAb-Net at 3,200
benchmark 25600-frames train.steps=25600 seeds=3 "methods=[autoencoder,rotation,split_brain,split_brain-full]"
benchmark 12800-people320 train.steps=12800 seeds=3 data.identities=320 "methods=$methods"
benchmark 3200-version1 train.steps=3200 data.version=1 "methods=$methods"
benchmark 3200-labels500 train.steps=3200 sets.synthetic.train=504
benchmark 3200-labels4000 train.steps=3200 sets.synthetic.train=4000
