#!/usr/bin/env bash
# The long study: one benchmark for each row of the plan in README.md. Its cells, intervals and shares go into this folder.
# From the root of the repository, after `make run` has made .venv:
#   results/reference/long/study.sh [--dry-run] [BENCHMARK...]     default: all, in the order of the plan
set -euo pipefail
export OMP_NUM_THREADS=1 # sums of several threads round differently
folder=$(dirname "$0")
dry_run=
[ "${1:-}" = --dry-run ] && dry_run=yes && shift
chosen=" $* "

benchmark() { # name of its results, name of its runs (and of those with FAb-Net), settings...
  local result=$1 folders=() head
  for name in $2; do folders+=("results/runs/study-$name"); done
  local setting=(preset=study launcher=local "name=$(basename "${folders[0]}")" "${@:3}")
  [ "$chosen" = "  " ] || [[ $chosen == *" $result "* ]] || return 0
  .venv/bin/fabbench run "${setting[@]}" ${dry_run:+--dry-run} > /dev/null
  [ -z "$dry_run" ] || return 0
  for head in exact linear; do
    .venv/bin/fabbench tables "${setting[@]}" "probe.table_head=$head" --format json > "$folder/$result-$head.json"
    .venv/bin/python "$folder/intervals.py" "$head" "${folders[@]}" > "$folder/$result-$head.md"
  done
  [[ $result == *-labels* ]] || .venv/bin/python "$folder/shares.py" "${folders[0]}" > "$folder/$result-shares.md"
}

trained='methods=[autoencoder,rotation,split_brain,split_brain-full,fabnet]'
benchmark 800 800 train.steps=800
benchmark 800-frames "400 800" train.steps=400 methods=fabnet # as many frames as the others see in 800
benchmark 3200 3200 train.steps=3200
benchmark 3200-frames "1600 3200" train.steps=1600 methods=fabnet
benchmark 800-version1 800-version1 train.steps=800 data.version=1 "$trained"
# The same encoders with fewer labels; scores replace those of before in the runs.
benchmark 3200-labels4000 3200 train.steps=3200 sets.synthetic.train=4000
benchmark 3200-labels504 3200 train.steps=3200 sets.synthetic.train=504
benchmark 12800 12800 train.steps=12800 seeds=3
benchmark 12800-frames "6400 12800" train.steps=6400 seeds=3 methods=fabnet
benchmark 12800-people320 12800-people320 train.steps=12800 seeds=3 data.identities=320 methods=[fabnet,split_brain]
