#!/usr/bin/env bash
# The reference study: the same benchmark at several budgets, then its tables and the budget curve beside this file.
# From the root of the repository, after `make run` has made .venv:  results/reference/study.sh
set -euo pipefail
here=$(dirname "$0")

budget() { # preset, training steps
  local setting=("preset=$1" "name=reference-$2" "train.steps=$2") head
  .venv/bin/fabbench run "${setting[@]}" > /dev/null
  for head in exact linear; do
    .venv/bin/fabbench tables "${setting[@]}" "probe.table_head=$head" --format json > "$here/steps-$2-$head.json"
  done
  .venv/bin/fabbench tables "${setting[@]}" --format md > "$here/steps-$2.md"
  .venv/bin/python "$here/plot.py"
}

budget default 300
budget reference 1200 # with each method's own paper's learning rate
budget default 600
