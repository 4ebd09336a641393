#!/usr/bin/env bash
# The long study: one benchmark for each row of the plan in README.md. Its scores, intervals and shares go into this folder.
# From the root of the repository, after `make run` has made .venv:
#   results/reference/long/study.sh [--dry-run] [--seeds LIST] [BENCHMARK...]     default: all, in the order of the plan
# `--seeds [0]` runs these seeds alone; their scores are added to those that are in this folder.
set -euo pipefail
export OMP_NUM_THREADS=1 # sums of several threads round differently
folder=$(dirname "$0")
dry_run=
seeds=()
[ "${1:-}" = --dry-run ] && dry_run=yes && shift
[ "${1:-}" = --seeds ] && seeds=("seeds=$2") && shift 2
chosen=" $* "

benchmark() { # name of its results, name of its runs, results that rows which it lacks are taken from, settings...
  local result=$1 runs="results/runs/study-$2" files=("$folder/$1.parquet") head other
  local setting=(preset=study launcher=local "name=study-$2" "${@:4}" "${seeds[@]}")
  for other in $3; do files+=("$folder/$other.parquet"); done
  [ "$chosen" = "  " ] || [[ $chosen == *" $result "* ]] || return 0
  .venv/bin/fabbench run "${setting[@]}" ${dry_run:+--dry-run} > /dev/null
  [ -z "$dry_run" ] || return 0
  .venv/bin/python "$folder/scores.py" "$runs" "${files[0]}"
  for head in exact linear; do
    .venv/bin/python "$folder/intervals.py" "$head" "${files[@]}" > "$folder/$result-$head.md"
  done
  [[ $result == *-labels* ]] ||
    .venv/bin/python "$folder/shares.py" "$runs" "$folder/$result-shares.csv" > "$folder/$result-shares.md"
}

without_ceiling='methods=[mean,pixels,random,autoencoder,rotation,split_brain,split_brain-full,fabnet]'
benchmark 800 800 "" train.steps=800
benchmark 800-frames 800-frames 800 train.steps=400 methods=fabnet # as many frames as the others see in 800 steps
benchmark 3200 3200 "" train.steps=3200
# The same encoders with fewer labels, whose scores replace those of before in the runs.
benchmark 3200-labels4000 3200 "" train.steps=3200 sets.synthetic.train=4000
benchmark 3200-labels504 3200 "" train.steps=3200 sets.synthetic.train=504
benchmark 3200-frames 3200-frames 3200 train.steps=1600 methods=fabnet
benchmark 800-version1 800-version1 "" train.steps=800 data.version=1 "$without_ceiling"
benchmark 12800 12800 "" train.steps=12800 seeds=[0,1,2] "$without_ceiling"
benchmark 12800-frames 12800-frames 12800 train.steps=6400 seeds=[0,1,2] methods=fabnet
benchmark 12800-people320 12800-people320 "" train.steps=12800 seeds=[0,1,2] data.identities=320 methods=[pixels,split_brain,fabnet]

for size in 64 128; do
  for width in 16 32; do
    benchmark "size$size-width$width" "size$size-width$width" "" train.steps=800 seeds=[0,1,2] data.identities=320 "data.size=$size" \
      "encoder.width=$width" sets.synthetic.train=4000 methods=[pixels,autoencoder,rotation,split_brain,fabnet]
  done
done
sgd='{method: fabnet, train: {steps: 51200, optimiser: sgd, lr: 0.001, momentum: 0.9, clip: null, schedule: plateau, plateau_patience: 15, epoch_samples: 1600}}'
benchmark optimiser optimiser "" train.steps=12800 seeds=[0] data.identities=320 sets.synthetic.train=4000 \
  "variants.fabnet-sgd=$sgd" methods=[pixels,fabnet,fabnet-sgd]
benchmark curriculum curriculum "" train.steps=3200 seeds=[0,1,2] train.batch_size=64 train.epoch_samples=3200 train.plateau_patience=0 \
  variants.fabnet-curriculum-paper.train.epoch_samples=6400 methods=[pixels,fabnet,fabnet-curriculum-paper]
