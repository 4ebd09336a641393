"""What results were computed with: version and commit of the code, packages, machine."""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from benchmark import __version__
from slurm.snapshot import ABOUT

ROOT = Path(__file__).parents[2]  # of the checkout or snapshot that this code runs from
PACKAGES = ("torch", "kornia", "kornia-rs", "numpy", "scikit-learn", "pyarrow", "av", "safetensors", "submitit")


def environment() -> dict[str, Any]:
    """Code, packages and machine, as written into every run folder."""
    return {
        **code_version(),
        "python": platform.python_version(),
        "packages": {name: _package_version(name) for name in PACKAGES},
        "host": platform.node(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
    }


@cache
def code_version() -> dict[str, str | None]:
    """Version of fab-bench, commit of its checkout, and a hash of uncommitted changes.

    Read once a process. Code that runs from a snapshot reports what the snapshot is a copy of, and its path.
    """
    if (ROOT / ABOUT).is_file():
        about: dict[str, str | None] = json.loads((ROOT / ABOUT).read_text())
        return about
    return {"fab-bench": __version__, **_git_state()}


def _package_version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_state() -> dict[str, str | None]:
    """Commit and hash of the uncommitted changes; None for code that is not in a checkout of its own."""
    file = Path(__file__)

    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(file.parent), *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
        except (OSError, subprocess.SubprocessError):
            return None

    if git("ls-files", "--error-unmatch", file.name) is None:
        return {"commit": None, "dirty": None}  # installed, perhaps inside another project's checkout
    commit = git("rev-parse", "HEAD")
    diff = git("diff", "HEAD")
    dirty = hashlib.sha256(diff.encode()).hexdigest()[:16] if diff else None
    return {"commit": commit.strip() if commit else None, "dirty": dirty}
