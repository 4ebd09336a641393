"""What a lab cluster looks like, and its configuration files."""

import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.slurm_lab.ports import Ports

DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch")
ACCOUNTING = ("slurmdbd", "mariadbd", "mariadb-install-db")
PACKAGES = "slurmctld slurmd slurm-client munge slurmdbd mariadb-server-core mariadb-client-core"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class LabError(Exception):
    """The lab cannot be started; the message says what is missing or what a daemon's log ends with."""


@dataclass(frozen=True)
class Shape:
    """Nodes n1, n2, ... as they are claimed to be, whatever this machine has."""

    nodes: int = 4
    cpus: int = 4
    memory: int = 4000  # MB
    gpus: int = 2  # of a node; Slurm gives them out and sets CUDA_VISIBLE_DEVICES, nothing is behind them
    accounting: bool = True  # slurmdbd on a private MariaDB, for sacct
    requeue: bool = True  # JobRequeue: whether jobs may be requeued that do not say so themselves
    max_array: int = 1001  # MaxArraySize

    @property
    def names(self) -> list[str]:
        """The nodes' names."""
        return [f"n{number}" for number in range(1, self.nodes + 1)]

    def check(self) -> None:
        """Looks for the programs.

        Raises:
            LabError: one is not installed.
        """
        for name in (*DAEMONS, *(ACCOUNTING if self.accounting else ())):
            if shutil.which(name, path=PATH) is None:
                raise LabError(
                    f"{name} is not installed; on Debian: apt-get install --no-install-recommends {PACKAGES}"
                )


SLURM = Template("""\
ClusterName=lab
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job may start again once its old credential has expired: 120 s by default, 5 s at the least.
AuthInfo=socket=$folder/munge/socket,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny

StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/pid/slurmctld.own
SlurmdPidFile=$folder/pid/%n.own
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/%n.log
PlugStackConfig=$folder/plugstack.conf
MailProg=/bin/true

# No cgroups: processes are tracked by their parents, and a job's memory is looked at once a second. Pages that
# processes share count once, as with cgroups.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
$accounting

# What a cluster does in half a minute, done in a second.
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0,bf_interval=1,bf_min_age_reserve=0
KillWait=2
CompleteWait=0
MinJobAge=300
MessageTimeout=20
SlurmctldTimeout=10
SlurmdTimeout=10
ReturnToService=2
EnforcePartLimits=ALL
JobRequeue=$requeue
MaxArraySize=$max_array
# Numbers of jobs never come back, whatever folder of an older lab is still about.
FirstJobId=$first_job

SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
DefMemPerCPU=$memory_per_cpu

# Jobs of main requeue those of low at once, and those of soft after ten seconds of notice.
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
$nodes
PartitionName=main Nodes=ALL Default=YES DefaultTime=10 PriorityTier=10 PreemptMode=OFF
PartitionName=low Nodes=ALL DefaultTime=10 PriorityTier=1 PreemptMode=REQUEUE GraceTime=0
PartitionName=soft Nodes=ALL DefaultTime=10 PriorityTier=1 PreemptMode=REQUEUE GraceTime=10
PartitionName=short Nodes=ALL DefaultTime=1 MaxTime=2 PriorityTier=10 PreemptMode=OFF
""")

WITH_ACCOUNTING = Template("""\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$accounting
AccountingStoragePass=$folder/munge/socket
AccountingStorageTRES=gres/gpu""")

SLURMDBD = Template("""\
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$accounting
CommunicationParameters=NoInAddrAny
SlurmUser=root
LogFile=$folder/log/slurmdbd.log
PidFile=$folder/pid/slurmdbd.own
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$database
StorageUser=slurm
StoragePass=$password
StorageLoc=slurm_acct
""")

DATABASE = Template("""\
CREATE DATABASE slurm_acct;
CREATE USER slurm@'%' IDENTIFIED BY '$password';
GRANT ALL ON slurm_acct.* TO slurm@'%';
""")


def write(shape: Shape, folder: Path, ports: Ports, password: str, first_job: int) -> None:
    """Writes slurm.conf, gres.conf and their like, the nodes' /etc/hosts, and what accounting needs."""
    places: dict[str, object] = {
        "host": socket.gethostname().partition(".")[0],
        "folder": folder,
        "controller": ports.controller,
    }
    places |= {"accounting": ports.accounting, "database": ports.database, "password": password}
    devices = f"[0-{shape.gpus - 1}]" if shape.gpus > 1 else "0"
    gres = f" Gres=gpu:fake:{shape.gpus}" if shape.gpus else ""
    nodes = [
        f"NodeName={name} NodeHostname={name} NodeAddr=127.0.0.1 Port={port} CPUs={shape.cpus} "
        f"RealMemory={shape.memory}{gres} State=UNKNOWN"
        for name, port in zip(shape.names, ports.nodes, strict=True)
    ]
    accounting = WITH_ACCOUNTING.substitute(places) if shape.accounting else ""
    text = SLURM.substitute(
        places | {"accounting": accounting or "AccountingStorageType=accounting_storage/none"},
        requeue=int(shape.requeue),
        max_array=shape.max_array,
        first_job=first_job,
        memory_per_cpu=shape.memory // shape.cpus,
        nodes="\n".join(nodes),
    )
    (folder / "slurm.conf").write_text(text)
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    (folder / "plugstack.conf").touch()
    (folder / "gres.conf").write_text(
        f"NodeName=n[1-{shape.nodes}] Name=gpu Type=fake File={folder}/dev/gpu{devices} Flags=nvidia_gpu_env\n"
        if shape.gpus
        else ""
    )
    hosts = "".join(f"127.0.0.1 {name}\n" for name in shape.names)
    (folder / "hosts").write_text(Path("/etc/hosts").read_text() + "\n" + hosts)
    if shape.accounting:
        for name, template in (("slurmdbd.conf", SLURMDBD), ("database.sql", DATABASE)):
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(template.substitute(places))
