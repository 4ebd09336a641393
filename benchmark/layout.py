"""Names of the files and folders in a benchmark's folder and in a run's folder.

<out>/<benchmark>/
benchmark.json              what the last launch consists of
tables/                     tables in every format
report.html                 the report
status.json                 state of the last submission of its runs to a cluster
logs/  slurm/  snapshots/   output of jobs, ledger of submitted jobs, code that jobs run
<data>/<variant>/seed<k>-<hash>/
config.yaml             resolved configuration of the run, its identity and key
environment.json        code, packages and machine it was computed with
status.json             stage, progress and heartbeat
metrics.jsonl  events/  training log, the same for TensorBoard
checkpoint.pt           removed once the run is done
method.safetensors      all weights;  encoder.safetensors: those of the encoder
cost.json               parameters, steps, time
features/<set>.safetensors
probes/<task>.json      scores
probes/<task>.safetensors       errors or probabilities of each test face
probes/<task>.head.safetensors  fitted heads
pictures/
done/<stage>.json       marker of a finished stage
error.log               traceback of the last failure
"""

from pathlib import Path

PARTS = ("pretrain", "embed", "probe")  # of a run; each may run as a job of its own

BENCHMARK = "benchmark.json"
TABLES = "tables"
REPORT = "report.html"

CONFIG = "config.yaml"  # also tells the method, options, encoder and input size of the weights beside it
ENVIRONMENT = "environment.json"
STATUS = "status.json"
METRICS = "metrics.jsonl"
EVENTS = "events"
CHECKPOINT = "checkpoint.pt"
WEIGHTS = "method.safetensors"
ENCODER = "encoder.safetensors"
COST = "cost.json"
PICTURES = "pictures"
ERROR_LOG = "error.log"
LOCK = ".lock"


def cells_file(benchmark_folder: Path) -> Path:
    """Every cell of a benchmark's tables, written last of the tables' files."""
    return benchmark_folder / TABLES / "cells.json"


def features_file(run_folder: Path, set_name: str) -> Path:
    """Frozen features of a labelled set."""
    return run_folder / "features" / f"{set_name}.safetensors"


def scores_file(run_folder: Path, task: str) -> Path:
    """Scores of a task's probes."""
    return run_folder / "probes" / f"{task}.json"


def per_image_file(run_folder: Path, task: str) -> Path:
    """Errors or probabilities of each test face of a task."""
    return run_folder / "probes" / f"{task}.safetensors"


def heads_file(run_folder: Path, task: str) -> Path:
    """Fitted heads of a task."""
    return run_folder / "probes" / f"{task}.head.safetensors"


def done_file(run_folder: Path, stage: str) -> Path:
    """Marker of a finished stage."""
    return run_folder / "done" / f"{stage}.json"
