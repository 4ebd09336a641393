"""Rows of a benchmark that differ in the length of their training alone: the points of a budget curve."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmark.layout import CONFIG
from benchmark.pipeline.benchmark_record import BenchmarkRecord

LENGTH = ("steps", "budget", "amount")  # settings of training that only say how long


def lengths_of_training(
    folder: Path, benchmark: BenchmarkRecord, costs: Sequence[dict[str, Any]]
) -> dict[str, list[str]]:
    """The rows of each method and setting that was trained for at least two numbers of steps, by their joint name.

    Args:
        folder: of the benchmark.
        benchmark: what it consists of.
        costs: its cost records.
    """
    members: dict[str, list[str]] = defaultdict(list)
    seen = set()
    for run in sorted(benchmark.runs, key=lambda each: each.variant):
        if run.kind != "method" or run.variant in seen:
            continue
        seen.add(run.variant)
        identity = _identity(folder.parent / run.run / CONFIG)
        if isinstance(identity.get("train"), dict):
            members[_without_length(identity)].append(run.variant)
    steps = {record["variant"]: record.get("steps") for record in costs if record["kind"] == "method"}
    return {
        " / ".join(variants): variants
        for variants in members.values()
        if len({steps.get(variant) for variant in variants} - {None}) > 1
    }


def _identity(path: Path) -> dict[str, Any]:
    """What a run is identified by; empty where its configuration is missing or broken."""
    try:
        content = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    identity = content.get("identity") if isinstance(content, dict) else None
    return identity if isinstance(identity, dict) else {}


def _without_length(identity: dict[str, Any]) -> str:
    train = {key: value for key, value in identity["train"].items() if key not in LENGTH}
    rest = {key: value for key, value in identity.items() if key != "seed"}
    return json.dumps({**rest, "train": train}, sort_keys=True, default=str)
