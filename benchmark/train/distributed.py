"""Distributed training with the numerics of one process.

Each process reads and trains on its shard of every batch. What concerns a whole batch is computed over all processes:
the mean loss, the curriculum's ranks, batch norm's statistics. So N processes take the same steps as one, up to
rounding. The exception is a method that draws random numbers in `forward`: each process draws its own.
"""

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from benchmark.errors import UsageError
from benchmark.train.sync_batchnorm import convert_cpu_sync_batchnorm


def is_main_process() -> bool:
    """Whether this is the first process of a distributed job, or the only one."""
    return os.environ.get("RANK", "0") == "0"


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train one run; by default this one alone.

    Attributes:
        rank: number of this process, from 0.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def from_environment(cls) -> "ProcessGroup":
        """Joins the group that RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT describe, as torchrun sets them."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        if not dist.is_initialized():
            if torch.cuda.is_available():
                # Under Slurm a process may see its own GPU only, which then has number 0.
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
            dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
        return cls(dist.get_rank(), dist.get_world_size())

    def close(self) -> None:
        """Waits for all processes to get here, then leaves the group.

        The wait keeps a job from ending the other processes while one of them still writes.
        """
        if self.size > 1:
            dist.barrier()
            dist.destroy_process_group()

    def shard(self, batch_size: int) -> slice:
        """The samples of a batch that belong to this process.

        Raises:
            UsageError: the batch cannot be divided evenly.
        """
        if batch_size % self.size:
            raise UsageError(
                f"train.batch_size={batch_size} cannot be divided among {self.size} processes; "
                f"use a multiple of {self.size}"
            )
        length = batch_size // self.size
        return slice(self.rank * length, (self.rank + 1) * length)

    def all_gather(self, values: Tensor) -> Tensor:
        """The values of all processes: (b,) from each to (size * b,), in the order of ranks, without gradient."""
        values = values.detach()
        if self.size == 1:
            return values
        gathered = [torch.empty_like(values) for _ in range(self.size)]
        dist.all_gather(gathered, values.contiguous())
        return torch.cat(gathered)

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is true in any process; the answer is the same in all."""
        if self.size == 1:
            return flag
        flags = torch.tensor(int(flag))
        dist.all_reduce(flags, dist.ReduceOp.MAX)
        return bool(flags)

    def most(self, value: float) -> float:
        """The largest of the values that the processes give; the answer is the same in all."""
        if self.size == 1:
            return value
        values = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(values, dist.ReduceOp.MAX)
        return float(values)

    def wrap(self, method: nn.Module) -> nn.Module:
        """Makes ``method`` average its gradients over the processes and synchronise its batch norms.

        Returns:
            The module to call in training. ``method`` itself keeps the parameters and gets the new batch norms.
        """
        if self.size == 1:
            return method
        if next(method.parameters()).is_cuda:
            method = nn.SyncBatchNorm.convert_sync_batchnorm(method)
        else:
            method = convert_cpu_sync_batchnorm(method)
        return DistributedDataParallel(method, find_unused_parameters=True)
