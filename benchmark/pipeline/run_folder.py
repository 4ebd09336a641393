"""Run folders: where a run lives, what identifies it, which of its stages are done, and where it was computed.

    <out>/<benchmark>/<data>/<variant>/seed<k>-<hash>/
        config.yaml  status.json  environment.json  metrics.jsonl  checkpoint.pt
        method.safetensors  encoder.safetensors  cost.json  features/  probes/  done/<stage>.json

The hash is of everything that decides the weights. A stage is done when its marker names the stage's inputs
and every file it made still has the content it was made with.
"""

import fcntl
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from benchmark import __version__
from benchmark.config.schema import NON_IDENTITY_FIELDS, AugmentConfig, EncoderConfig, TrainConfig
from benchmark.files import digest, read_json, sha256, write_json, write_text
from benchmark.layout import CONFIG
from slurm.env import current_job
from slurm.snapshot import ABOUT

ROOT = Path(__file__).parents[2]  # of the checkout or snapshot that this code runs from


@dataclass(frozen=True)
class Run:
    """One variant trained on one data set with one seed."""

    out: str
    benchmark: str
    data: str  # name of the data set; of the task, for a variant trained on labels
    variant: str
    method: str  # registered name, or path of the file that registers it
    version: int  # of the method
    kind: str  # method | floor | ceiling
    seed: int
    options: dict[str, Any]
    encoder: EncoderConfig
    size: int  # side of a frame, pixels
    augment: AugmentConfig
    train: TrainConfig
    data_hash: str  # of the track store's manifest; of the labelled set, for a variant trained on labels
    task: str | None = None  # the task whose labels it is trained on
    code: str | None = None  # digest of the method's file, for one given by path: its author edits it
    start: str | None = None  # key of the run, or digest of the weights, that training starts from
    weights: str | None = None  # digest of the weights of a pretrained row: then nothing is trained

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that decides the run's weights, and nothing else."""
        network = {
            "method": Path(self.method).stem if self.method.endswith(".py") else self.method,
            "version": self.version,
            "options": self.options,
            "encoder": asdict(self.encoder),
            "size": self.size,
            **({"code": self.code} if self.code else {}),
        }
        if self.weights:
            return {**network, "weights": self.weights}
        return {
            **network,
            "augment": asdict(self.augment),
            "train": {key: value for key, value in asdict(self.train).items() if key not in NON_IDENTITY_FIELDS},
            "seed": self.seed,
            "data": self.data_hash,
            "task": self.task,
            **({"start": self.start} if self.start else {}),
        }

    @cached_property
    def key(self) -> str:
        """Digest of the identity."""
        return digest(self.identity)

    @cached_property
    def folder(self) -> Path:
        """The run's folder."""
        return Path(self.out, self.benchmark, self.data, self.variant, f"seed{self.seed}-{self.key[:10]}")

    @property
    def name(self) -> str:
        """Short name for people: `fabnet/seed0`, `supervised/seed0 (synthetic-pose)`."""
        return f"{self.variant}/seed{self.seed}" + (f" ({self.task})" if self.task else "")

    def create(self, command: list[str]) -> None:
        """Makes the folder and writes the resolved configuration and where it is computed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = {**asdict(self), "identity": self.identity, "key": self.key}
        write_text(self.folder / CONFIG, yaml.safe_dump(config, sort_keys=False))
        path = self.folder / "environment.json"
        own = current_job()
        jobs = [*(read_json(path).get("slurm", []) if path.is_file() else []), *([own] if own else [])]
        write_json(path, {**environment(), "command": command, **({"slurm": jobs} if jobs else {})})


def part_of(stage: str) -> str:
    """The part of a run that a stage such as `probe-synthetic-pose` belongs to."""
    return stage.partition("-")[0]


def is_done(folder: Path, stage: str, key: str) -> bool:
    """Whether ``stage`` was finished with the inputs ``key`` and its files are as it left them."""
    marker = folder / "done" / f"{stage}.json"
    if not marker.is_file():
        return False
    try:
        made = read_json(marker)
        return made["key"] == key and all(
            (folder / name).is_file() and sha256(folder / name) == value for name, value in made["outputs"].items()
        )
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return False


def mark_done(folder: Path, stage: str, key: str, outputs: Iterable[Path]) -> None:
    """Declares ``stage`` finished with the files it made, by the code that made them."""
    made = {str(path.relative_to(folder)): sha256(path) for path in outputs}
    marker = {"key": key, "outputs": made, "finished": time.time(), "code": code()}
    write_json(folder / "done" / f"{stage}.json", marker)


def set_status(folder: Path, **values: Any) -> None:
    """Writes the run's status with a heartbeat."""
    write_json(
        folder / "status.json",
        {**values, **(current_job() or {}), "heartbeat": time.time(), "pid": os.getpid(), "host": platform.node()},
    )


def status(folder: Path) -> dict[str, Any]:
    """The last status written, or an empty one."""
    try:
        last = read_json(folder / "status.json")
    except (OSError, ValueError):
        return {}
    return last if isinstance(last, dict) else {}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder for this process; waits while another works in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def environment() -> dict[str, Any]:
    """Code, packages and machine, as written into every run."""
    names = (
        "torch",
        "kornia",
        "kornia-rs",
        "numpy",
        "scikit-learn",
        "pyarrow",
        "av",
        "safetensors",
        "submitit",
    )
    packages = {name: _version(name) for name in names}
    return {
        **code(),
        "python": platform.python_version(),
        "packages": packages,
        "host": platform.node(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
    }


@cache
def code() -> dict[str, str | None]:
    """The version, and the commit and differences of the checkout it runs from, as when this process began.

    A snapshot knows those of the checkout it is of, and its own path.
    """
    if (about := ROOT / ABOUT).is_file():
        return read_json(about)
    return {"fab-bench": __version__, **_git(Path(__file__).parent)}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git(folder: Path) -> dict[str, str | None]:
    """Commit of the checkout the code runs from, and a hash of what differs from it; nothing where it is none."""

    def git(*words: str) -> str | None:
        command = ["git", "-C", str(folder), *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
        except (OSError, subprocess.SubprocessError):
            return None

    if git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return {"commit": None, "dirty": None}  # installed, perhaps below somebody else's checkout
    commit = git("rev-parse", "HEAD")
    diff = git("diff", "HEAD")
    dirty = hashlib.sha256(diff.encode()).hexdigest()[:16] if diff else None
    return {"commit": commit.strip() if commit else None, "dirty": dirty}
