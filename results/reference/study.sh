#!/usr/bin/env bash
# The reference study: the same benchmark at several budgets; writes tables and the budget curve into this folder.
# From the root of the repository, after `make run` has made .venv:  results/reference/study.sh
set -euo pipefail
folder=$(dirname "$0")

budget() { # preset, training steps
  local setting=("preset=$1" "name=reference-$2" "train.steps=$2") head
  .venv/bin/fabbench run "${setting[@]}" > /dev/null
  for head in exact linear; do
    .venv/bin/fabbench tables "${setting[@]}" "probe.table_head=$head" --format json > "$folder/steps-$2-$head.json"
  done
  .venv/bin/fabbench tables "${setting[@]}" --format md > "$folder/steps-$2.md"
  .venv/bin/python "$folder/plot.py"
}

budget default 300
budget reference 1200 # with each method's own paper's learning rate
budget default 600
