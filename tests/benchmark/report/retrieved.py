"""A made-up benchmark with a retrieval task: the nearest faces by random features, scored as runs score them."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from benchmark.files import write_json
from benchmark.layout import features_file, per_image_file, scores_file
from benchmark.pipeline.benchmark_record import BenchmarkRecord
from probes.retrieval import retrieve
from probes.target import take
from tests.benchmark.report.made import FACES, labelled_set

TASK = "look-alikes"


def with_retrieval(folder: Path) -> Path:
    """Adds the task to a benchmark of `made.make`, for all rows but ceilings; returns its folder."""
    faces = labelled_set()
    labels = {name: take(target, np.arange(FACES)) for name, target in faces.targets.items()}
    record = BenchmarkRecord.read(folder)
    for run in record.runs:
        if run.kind == "ceiling":
            continue
        run_folder = folder.parent / run.run
        features = load_file(features_file(run_folder, "made"))["features"]
        probed = retrieve(labels, faces.split, features)
        save_file(probed.arrays, per_image_file(run_folder, TASK))
        owner = {"schema": 1, "benchmark": "own", "variant": run.variant, "kind": run.kind, "seed": run.seed}
        about = {"task": TASK, "run": run.run, "set": {"name": "made", "hash": faces.hash}}
        write_json(scores_file(run_folder, TASK), {**owner, **about, **probed.record})
        run.tasks.append(TASK)
    record.tasks.append(TASK)
    record.config["task"][TASK] = {"set": "made", "target": "retrieval"}
    record.write(folder)
    return folder
