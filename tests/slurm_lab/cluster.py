"""Start, failures and stop of a lab cluster."""

import json
import os
import random
import secrets
import shutil
import stat
import subprocess
from dataclasses import asdict
from pathlib import Path

from tests.slurm_lab import shape as configuration
from tests.slurm_lab.daemons import Daemons
from tests.slurm_lab.ports import Ports, listening
from tests.slurm_lab.shape import LabError, Shape

MAX_PATH = 70  # characters of the folder's path; a longer one leaves no room for the name of a Unix socket


class Lab:
    """One cluster, which keeps all its files in one folder.

    Args:
        folder: the cluster's folder; its path must be short.
        shape: the cluster's properties; by default those of the cluster in the folder, if there is one.
    """

    def __init__(self, folder: Path, shape: Shape | None = None):
        self.folder = folder.absolute()
        self.saved = self.folder / "shape.json"
        self.shape = shape or (Shape(**json.loads(self.saved.read_text())) if self.saved.is_file() else Shape())
        self.daemons = Daemons(self.folder)

    @property
    def conf(self) -> Path:
        """Value of SLURM_CONF that selects this cluster for Slurm's commands."""
        return self.folder / "slurm.conf"

    def up(self) -> None:
        """Start the cluster, without the jobs of an earlier one in the same folder.

        Raises:
            LabError: a program is missing, the user is not root, or a daemon does not start.
        """
        self.shape.check()
        if os.getuid() != 0:
            raise LabError("the lab's daemons must be started by root")
        if len(str(self.folder)) > MAX_PATH:
            raise LabError(f"{self.folder} is longer than {MAX_PATH} characters; choose another folder")
        if self.folder.is_dir() and any(self.folder.iterdir()) and not self.saved.is_file():
            raise LabError(f"{self.folder} is neither empty nor the folder of a lab")
        self.down()
        for name in ("pid", "log", "state", "spool", "dev", "munge"):
            (self.folder / name).mkdir(parents=True)
        self.saved.write_text(json.dumps(asdict(self.shape)))
        ports = Ports.free(self.shape.nodes)
        first_job = random.randrange(1, 60000) * 1000 + 1
        configuration.write(self.shape, self.folder, ports, secrets.token_hex(12), first_job)
        self._devices()
        try:
            self._start_munge()
            if self.shape.accounting:
                self._start_accounting(ports)
            self.start_controller()
            for name in self.shape.names:
                self._launch_node(name)
            for name in self.shape.names:
                self._await_node(name)
        except BaseException:
            self._stop_all()
            raise

    def down(self) -> None:
        """Stop every daemon and job of the cluster, and remove its folder."""
        if not self.saved.is_file():
            return
        self._stop_all()
        shutil.rmtree(self.folder)

    def __enter__(self) -> "Lab":
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def kill_node(self, name: str) -> None:
        """Kill a node's slurmd and all processes of its jobs, as a power failure does."""
        self.daemons.stop(name, 0)

    def start_node(self, name: str) -> None:
        """Start a killed node."""
        self._launch_node(name)
        self._await_node(name)

    def stop_controller(self) -> None:
        """Stop the controller: jobs continue to run, Slurm's commands get no answer."""
        self.daemons.stop("slurmctld")

    def start_controller(self) -> None:
        """Start the controller, from its saved state if there is one."""
        self.daemons.start("slurmctld", "slurmctld", "-D")
        self.daemons.wait("slurmctld", lambda: "UP" in self.ask("scontrol", "ping"))

    def ask(self, *command: str) -> str:
        """Output of a Slurm command, empty if it fails."""
        environment = {**os.environ, "SLURM_CONF": str(self.conf)}
        try:
            return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20).stdout
        except subprocess.TimeoutExpired:
            return ""

    def _devices(self) -> None:
        """Make character devices as stand-ins for GPUs; for other files Slurm sets no CUDA_VISIBLE_DEVICES."""
        for number in range(self.shape.gpus):
            os.mknod(self.folder / "dev" / f"gpu{number}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))

    def _start_munge(self) -> None:
        munge = self.folder / "munge"
        munge.chmod(0o711)
        key = munge / "key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(1024))
        options = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        arguments = [f"--{option}={munge / name}" for option, name in options.items()]
        self.daemons.start("munged", "munged", "--foreground", "--force", *arguments)
        self.daemons.wait("munged", (munge / "socket").is_socket)

    def _start_accounting(self, ports: Ports) -> None:
        data, initial, scratch = self.folder / "sql", self.folder / "database.sql", self.folder / "sql-scratch"
        scratch.mkdir()  # of its own, since MariaDB removes what looks left over in it, also that of another lab
        install = ("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}", "--skip-test-db")
        result = subprocess.run(
            [*install, "--auth-root-authentication-method=normal"],
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": configuration.PATH, "TMPDIR": str(scratch)},
        )
        if result.returncode:
            raise LabError(f"mariadb-install-db failed: {result.stderr[-500:]}")
        small = ("--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=0")
        self.daemons.start(
            "mariadbd",
            *("mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--tmpdir={scratch}"),
            *("--bind-address=127.0.0.1", f"--port={ports.database}", f"--socket={self.folder / 'sql.socket'}"),
            *(f"--init-file={initial}", "--skip-name-resolve"),
            *("--performance-schema=OFF", "--innodb-lock-wait-timeout=900", *small),
        )
        self.daemons.wait("mariadbd", lambda: listening(ports.database))
        self.daemons.start("slurmdbd", "slurmdbd", "-D", conf="slurmdbd.conf")
        self.daemons.wait("slurmdbd", lambda: listening(ports.accounting))

    def _launch_node(self, name: str) -> None:
        (self.folder / "spool" / name).mkdir(exist_ok=True)
        self.daemons.start(name, "slurmd", "-D", "-N", name, host=name)

    def _await_node(self, name: str) -> None:
        def ready() -> bool:
            states = set(self.ask("sinfo", "-h", "-n", name, "-o", "%T").split())
            return bool(states) and states <= {"idle", "mixed", "allocated"}

        self.daemons.wait(name, ready)

    def _stop_all(self) -> None:
        """Stop the nodes first, with their jobs."""
        for name in self.shape.names:
            self.daemons.stop(name, 0)
        for name in ("slurmctld", "slurmdbd", "mariadbd", "munged"):
            self.daemons.stop(name)
