"""Background daemons, identified by process id and start time so that no other process is ever stopped."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.slurm_lab.shape import PATH, LabError

ISOLATED = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")
# Process 1 of a node: sets the host name and /etc/hosts, reaps orphans, and ends the node's processes when killed.
NODE = 'hostname "$0" && mount --bind "$1" /etc/hosts && shift && { "$@" & wait $!; }'
READY_SECONDS = 60.0


class Daemons:
    """Daemons of one folder, with process ids in ``pid/NAME.json`` and output in ``log/NAME.out``."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self, name: str, *command: str, host: str | None = None, conf: str = "slurm.conf") -> None:
        """Start ``command``; with ``host``, in mount, host name and process namespaces of its own."""
        if host is not None:
            command = (*ISOLATED, "bash", "-c", NODE, host, str(self.folder / "hosts"), *command)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "SBATCH_"))}
        environment |= {"PATH": PATH, "SLURM_CONF": str(self.folder / conf)}
        with (self.folder / "log" / f"{name}.out").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        (self.folder / "pid" / f"{name}.json").write_text(json.dumps([process.pid, _started(process.pid)]))

    def wait(self, name: str, ready: Callable[[], bool]) -> None:
        """Wait until a daemon is ready.

        Raises:
            LabError: it has ended, or is not ready within `READY_SECONDS`.
        """
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            if not self.alive(name) or time.monotonic() > deadline:
                raise LabError(f"{name} did not start:\n{self.log(name)}")
            time.sleep(0.05)

    def alive(self, name: str) -> bool:
        """Whether the process started as ``name`` is running."""
        return self._process(name) is not None

    def stop(self, name: str, seconds: float = 10.0) -> None:
        """Stop a daemon with SIGTERM, and with SIGKILL after ``seconds``."""
        process = self._process(name)
        deadline = time.monotonic() + seconds
        if process is not None and seconds:
            os.kill(process, 15)
        while (process := self._process(name)) is not None:
            if time.monotonic() >= deadline:
                os.kill(process, 9)
            time.sleep(0.02)
        (self.folder / "pid" / f"{name}.json").unlink(missing_ok=True)

    def log(self, name: str) -> str:
        """The last lines of a daemon's output and log."""
        files = [path for end in ("out", "log") if (path := self.folder / "log" / f"{name}.{end}").is_file()]
        return "\n".join(line for path in files for line in path.read_text(errors="replace").splitlines()[-10:])

    def _process(self, name: str) -> int | None:
        try:
            process, started = json.loads((self.folder / "pid" / f"{name}.json").read_text())
        except (OSError, ValueError):
            return None
        return process if started is not None and _started(process) == started else None


def _started(process: int) -> str | None:
    """Start time of a process in clock ticks since boot; None if it has ended or is a zombie."""
    with suppress(ChildProcessError):  # raised if it is not a child of this process
        os.waitpid(process, os.WNOHANG)
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
