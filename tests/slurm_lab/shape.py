"""Properties of a lab cluster, and its configuration files."""

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
    """The lab cannot be started; the message names what is missing, or quotes the end of a daemon's log."""


@dataclass(frozen=True)
class Shape:
    """Nodes n1, n2, ... as configured; this machine need not have their resources."""

    nodes: int = 4
    cpus: int = 4  # per node
    memory: int = 4000  # MB per node
    gpus: int = 2  # per node; allocated by Slurm, which sets CUDA_VISIBLE_DEVICES, without real devices
    accounting: bool = True  # slurmdbd with its own MariaDB, for sacct
    requeue: bool = True  # JobRequeue: whether jobs without --requeue may be requeued
    max_array: int = 1001  # MaxArraySize

    @property
    def names(self) -> list[str]:
        """Names of the nodes."""
        return [f"n{number}" for number in range(1, self.nodes + 1)]

    def check(self) -> None:
        """Check that the required programs are installed.

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
# A requeued job starts again once its old credential has expired: 120 s by default, at least 5 s.
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

# No cgroups: processes are tracked by their parents, and a job's memory is sampled once a second. Pages shared
# between processes count once, as with cgroups.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
$accounting

# Intervals of a second instead of half a minute.
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
# A random first id, so that ids do not recur in files of an earlier lab.
FirstJobId=$first_job

SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
DefMemPerCPU=$memory_per_cpu

# Jobs of main preempt those of low at once, and those of soft with ten seconds of notice; they are requeued.
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
    """Write slurm.conf and the other configuration files, those of accounting, and /etc/hosts of the nodes."""
    values: dict[str, object] = {
        "host": socket.gethostname().partition(".")[0],
        "folder": folder,
        "controller": ports.controller,
    }
    values |= {"accounting": ports.accounting, "database": ports.database, "password": password}
    devices = f"[0-{shape.gpus - 1}]" if shape.gpus > 1 else "0"
    gres = f" Gres=gpu:fake:{shape.gpus}" if shape.gpus else ""
    nodes = [
        f"NodeName={name} NodeHostname={name} NodeAddr=127.0.0.1 Port={port} CPUs={shape.cpus} "
        f"RealMemory={shape.memory}{gres} State=UNKNOWN"
        for name, port in zip(shape.names, ports.nodes, strict=True)
    ]
    accounting = WITH_ACCOUNTING.substitute(values) if shape.accounting else ""
    text = SLURM.substitute(
        values | {"accounting": accounting or "AccountingStorageType=accounting_storage/none"},
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
            (folder / name).write_text(template.substitute(values))
