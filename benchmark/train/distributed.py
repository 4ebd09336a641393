"""Several processes that train one model as one process would: each has a share of every batch.

What is of a whole batch stays so: its mean loss, the ranks of the curriculum, batch norm's statistics. So N processes
take the steps of one, to rounding; but for methods that draw random numbers in `forward`, which draw others.
"""

import os
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from benchmark.errors import UsageError


def is_main_process() -> bool:
    """Whether this is the first of the processes that were started for one job, or the only one."""
    return os.environ.get("RANK", "0") == "0"


class ProcessGroup:
    """The processes that train one run; on its own, a process is its first and only one."""

    def __init__(self, rank: int = 0, size: int = 1):
        self.rank, self.size = rank, size

    @classmethod
    def from_environment(cls) -> "ProcessGroup":
        """The group that the environment names as torchrun does, by RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        if not dist.is_initialized():
            if torch.cuda.is_available():  # where each process sees its own GPU alone, that is number 0
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
            dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
        return cls(dist.get_rank(), dist.get_world_size())

    def close(self) -> None:
        """Waits for the others, so that none is ended while it still writes."""
        if self.size > 1:
            dist.barrier()
            dist.destroy_process_group()

    def shard(self, samples: int) -> slice:
        """This process's part of a batch.

        Raises:
            UsageError: it cannot be shared out evenly.
        """
        if samples % self.size:
            raise UsageError(f"train.batch_size={samples} cannot be shared out among {self.size} processes")
        own = samples // self.size
        return slice(self.rank * own, (self.rank + 1) * own)

    def all_gather(self, values: Tensor) -> Tensor:
        """Every process's values (b,) as those of the whole batch (B,), without gradient."""
        values = values.detach()
        if self.size == 1:
            return values
        parts = [torch.empty_like(values) for _ in range(self.size)]
        dist.all_gather(parts, values.contiguous())
        return torch.cat(parts)

    def any(self, flag: bool) -> bool:
        """Whether it holds for any process; all get the same answer."""
        if self.size == 1:
            return flag
        flags = torch.tensor(int(flag))
        dist.all_reduce(flags, dist.ReduceOp.MAX)
        return bool(flags)

    def wrap(self, method: nn.Module) -> nn.Module:
        """``method`` such that its gradients are averaged over the processes and its batch norms see whole batches."""
        if self.size == 1:
            return method
        if next(method.parameters()).is_cuda:
            nn.SyncBatchNorm.convert_sync_batchnorm(method)
        else:
            for module in list(method.modules()):
                if isinstance(module, _BatchNorm):
                    module.__class__ = _norm_of_whole_batches(type(module))
        return DistributedDataParallel(method, find_unused_parameters=True)


class _Sum(torch.autograd.Function):
    """A tensor's sum over the processes, whose losses add up."""

    @staticmethod
    def forward(_: Any, value: Tensor) -> Tensor:
        value = value.clone()
        dist.all_reduce(value)
        return value

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        gradient = gradients[0].clone()
        dist.all_reduce(gradient)
        return gradient


def _norm_of_whole_batches(kind: type[Any]) -> type[Any]:
    """Batch norm over the batches of all processes, for the CPU, which torch's SyncBatchNorm does not serve."""

    class WholeBatchNorm(kind):
        def forward(self, values: Tensor) -> Tensor:
            if not self.training:
                return super().forward(values)
            channels = [1, -1, *[1] * (values.ndim - 2)]
            dims = [dim for dim in range(values.ndim) if dim != 1]
            wide = values.float()
            count = wide.numel() // wide.shape[1] * dist.get_world_size()
            mean = _Sum.apply(wide.sum(dims)) / count
            centred = wide - mean.view(channels)
            variance = _Sum.apply(centred.square().sum(dims)) / count
            with torch.no_grad():
                self.num_batches_tracked += 1
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            scaled = centred * (variance + self.eps).rsqrt().view(channels)
            if self.affine:
                scaled = scaled * self.weight.view(channels) + self.bias.view(channels)
            return scaled.to(values.dtype)

    return WholeBatchNorm
