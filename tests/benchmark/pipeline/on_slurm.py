"""Settings and look-ups for tiny benchmarks on a Slurm cluster."""

from pathlib import Path

from slurm.ledger import Ledger
from tests.benchmark.tiny import METHOD

PARTS = ("pretrain", "embed", "probe")
SLURM = ("launcher=slurm", "launcher.job.mem_gb=1.6", "launcher.job.cpus_per_task=1", "launcher.job.timeout_min=10")
SLOW = METHOD.replace("return MethodOutput", "import time; time.sleep({wait}); return MethodOutput")


def ledger(place: Path) -> Ledger:
    """The ledger of the tiny benchmark below ``place``."""
    return Ledger(place / "runs" / "quick" / "slurm")


def job_id(place: Path, name: str) -> str:
    """Slurm's id of a job."""
    return ledger(place).entries[name].job
