#!/usr/bin/env bash
# The reference study: the same benchmark at several budgets, then its tables and the budget curve beside this file.
# From the root of the repository, after `make run` or `make test` has made .venv:  results/reference/study.sh 600 1200 2400
set -euo pipefail
here=$(dirname "$0")
for steps in "$@"; do
  setting=(preset=reference "name=reference-$steps" "train.steps=$steps")
  .venv/bin/fabbench run "${setting[@]}" > "$here/run-$steps.log"
  for head in exact linear; do
    .venv/bin/fabbench tables "${setting[@]}" "probe.table_head=$head" --format json > "$here/steps-$steps-$head.json"
  done
  .venv/bin/fabbench tables "${setting[@]}" --format md > "$here/steps-$steps.md"
  .venv/bin/python "$here/plot.py"
done
