#!/usr/bin/env bash
# The study of FAb-Net's variants: runs it, then writes tables and paired differences into this folder.
# From the root of the repository, after `make run` has made .venv:  results/reference/fabnet/study.sh
set -euo pipefail
folder=$(dirname "$0")
.venv/bin/fabbench run preset=reference_fabnet "$@" > /dev/null
.venv/bin/fabbench tables preset=reference_fabnet "$@" --format json > "$folder/cells.json"
.venv/bin/fabbench tables preset=reference_fabnet "$@" --format md > "$folder/tables.md"
.venv/bin/python "$folder/paired.py" > "$folder/paired.md"
