#!/usr/bin/env bash
# The reference study: the same benchmark at several budgets; writes tables and the budget curve into this folder.
# From the root of the repository, after `make run` has made .venv:  results/reference/study.sh
set -euo pipefail
folder=$(dirname "$0")

budget() { # training steps, further settings...
  local setting=(preset=reference "name=reference-$1" "train.steps=$1" "${@:2}") head
  .venv/bin/fabbench run "${setting[@]}" > /dev/null
  for head in exact linear; do
    .venv/bin/fabbench tables "${setting[@]}" "probe.table_head=$head" --format json > "$folder/steps-$1-$head.json"
  done
  .venv/bin/fabbench tables "${setting[@]}" --format md > "$folder/steps-$1.md"
  .venv/bin/python "$folder/plot.py"
  .venv/bin/python "$folder/paired.py" > "$folder/paired.md"
}

common='methods=[mean,pixels,random,autoencoder,rotation,split_brain,fabnet,supervised]'
budget 1200 # also with each method's own paper's learning rate
budget 600 "$common"
budget 300 "$common"
