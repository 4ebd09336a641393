#!/usr/bin/env bash
# The study of FAb-Net's variants: its runs, then tables, differences and curves beside this file.
# From the root of the repository, after `make run` has made .venv:  results/reference/fabnet/study.sh
set -euo pipefail
here=$(dirname "$0")
.venv/bin/fabbench run preset=reference_fabnet "$@" > /dev/null
.venv/bin/fabbench tables preset=reference_fabnet "$@" --format json > "$here/cells.json"
.venv/bin/fabbench tables preset=reference_fabnet "$@" --format md > "$here/tables.md"
.venv/bin/python "$here/paired.py" > "$here/paired.md"
