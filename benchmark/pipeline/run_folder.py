"""Run folders: what identifies a run, which of its stages are done, its status and its lock.

The folder's name holds a hash of everything that decides the weights. A stage is done when its marker names the
stage's inputs and every file the stage wrote still has the content it was written with. `benchmark.layout` lists the
files.
"""

import os
import platform
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from benchmark.config.data import SAMPLING, Sampling
from benchmark.config.schema import AugmentConfig, EncoderConfig, TrainConfig, identity_of, row_name
from benchmark.files import digest, read_json, sha256, write_json, write_text
from benchmark.layout import CONFIG, ENVIRONMENT, LOCK, STATUS, done_file
from benchmark.pipeline.provenance import code_version, environment
from slurm.env import current_job

LOCK_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Run:
    """One variant trained on one data set with one seed."""

    out: str
    benchmark: str
    data: str  # name of the data set; of the task, for a variant trained on labels
    variant: str
    method: str  # registered name, FILE.py, FILE.py:NAME or MODULE:CLASS
    version: int  # of the method
    kind: str  # method | floor | ceiling | pretrained
    seed: int
    options: dict[str, Any]
    encoder: EncoderConfig
    size: int  # side of a frame, pixels
    augment: AugmentConfig
    train: TrainConfig
    data_hash: str  # of the track store's manifest; of the labelled set, for a variant trained on labels
    task: str | None = None  # the task whose labels it is trained on
    sampling: Sampling = SAMPLING  # how tracks are drawn
    code: str | None = None  # SHA-256 of the method's file and what it imports beside it, for one of a user
    encoder_version: int = 1
    encoder_code: str | None = None  # as `code`, of an encoder of a user
    initial_weights: str | None = None  # key of the run, or SHA-256 of the weights, that training starts from
    weights: str | None = None  # SHA-256 of the weights of a pretrained row, which is not trained

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that decides the run's weights, and nothing else."""
        network = {
            "method": row_name(self.method),
            "version": self.version,
            "options": self.options,
            "encoder": self._encoder_identity,
            "size": self.size,
            **({"code": self.code} if self.code else {}),
        }
        if self.weights:
            return {**network, "weights": self.weights}
        return {
            **network,
            "augment": identity_of(self.augment),
            "train": identity_of(self.train),
            "seed": self.seed,
            "data": self.data_hash,
            "task": self.task,
            **({"sampling": self.sampling} if self.sampling != SAMPLING else {}),
            **({"start": self.initial_weights} if self.initial_weights else {}),
        }

    @property
    def _encoder_identity(self) -> dict[str, Any]:
        """Of FAb-Net's encoder in its first version the dimensions alone, as before there were others."""
        about = {**asdict(self.encoder), "name": row_name(self.encoder.name), "version": self.encoder_version}
        if self.encoder_code:
            return {**about, "code": self.encoder_code}
        if (about["name"], about["version"]) == ("fabnet", 1):
            del about["name"], about["version"]
        return about

    @cached_property
    def key(self) -> str:
        """SHA-256 of the identity."""
        return digest(self.identity)

    @cached_property
    def folder(self) -> Path:
        """The run's folder."""
        return Path(self.out, self.benchmark, self.data, self.variant, f"seed{self.seed}-{self.key[:10]}")

    @property
    def name(self) -> str:
        """Short name: `fabnet/seed0`, or `supervised/seed0 (synthetic-pose)` for a variant trained on labels."""
        return f"{self.variant}/seed{self.seed}" + (f" ({self.task})" if self.task else "")

    def create(self, command: list[str]) -> None:
        """Makes the folder and writes the run's configuration and environment.

        Args:
            command: the command line of the launch, for the record.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        config = {**asdict(self), "identity": self.identity, "key": self.key}
        write_text(self.folder / CONFIG, yaml.safe_dump(config, sort_keys=False))
        path = self.folder / ENVIRONMENT
        jobs = read_json(path).get("slurm", []) if path.is_file() else []
        if (job := current_job()) is not None:
            jobs = [*jobs, job]
        write_json(path, {**environment(), "command": command, **({"slurm": jobs} if jobs else {})})


def part_of(stage: str) -> str:
    """The part of a run that a stage such as `probe-synthetic-pose` belongs to."""
    return stage.partition("-")[0]


def is_done(folder: Path, stage: str, key: str) -> bool:
    """Whether ``stage`` was finished with the inputs ``key`` and its files are unaltered."""
    marker = done_file(folder, stage)
    if not marker.is_file():
        return False
    try:
        record = read_json(marker)
        return record["key"] == key and all(
            (folder / name).is_file() and sha256(folder / name) == value for name, value in record["outputs"].items()
        )
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return False


def mark_done(folder: Path, stage: str, key: str, outputs: Iterable[Path]) -> None:
    """Marks ``stage`` as finished, with the hash of every file it wrote and the version of the code."""
    hashes = {str(path.relative_to(folder)): sha256(path) for path in outputs}
    record = {"key": key, "outputs": hashes, "finished": time.time(), "code": code_version()}
    write_json(done_file(folder, stage), record)


def set_status(folder: Path, **values: Any) -> None:
    """Writes the run's status with a heartbeat, the process and its job."""
    write_json(
        folder / STATUS,
        {**values, **(current_job() or {}), "heartbeat": time.time(), "pid": os.getpid(), "host": platform.node()},
    )


def status(folder: Path) -> dict[str, Any]:
    """The status written last; empty where there is none or it cannot be read."""
    try:
        last = read_json(folder / STATUS)
    except (OSError, ValueError):
        return {}
    return last if isinstance(last, dict) else {}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, waiting for another process to release it. It is released when the process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / LOCK, poll_interval=LOCK_POLL_SECONDS):
        yield
