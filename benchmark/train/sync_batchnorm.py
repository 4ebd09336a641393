"""Batch norm over the batches of all processes on the CPU, which `torch.nn.SyncBatchNorm` does not support."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def convert_cpu_sync_batchnorm(module: nn.Module) -> nn.Module:
    """Replaces every batch norm in ``module`` by a `CpuSyncBatchNorm` with the same weights and statistics.

    The counterpart of `torch.nn.SyncBatchNorm.convert_sync_batchnorm`.

    Returns:
        ``module`` with new submodules, or a new module if it is a batch norm itself.
    """
    converted = module
    if isinstance(module, _BatchNorm):
        converted = CpuSyncBatchNorm(
            module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats
        )
        converted.weight = module.weight
        converted.bias = module.bias
        converted.running_mean = module.running_mean
        converted.running_var = module.running_var
        converted.num_batches_tracked = module.num_batches_tracked
        converted.training = module.training
    for name, child in module.named_children():
        converted.add_module(name, convert_cpu_sync_batchnorm(child))
    return converted


class CpuSyncBatchNorm(_BatchNorm):
    """Batch norm with the mean and variance of the batches of all processes, (B, C, ...) to (B, C, ...)."""

    def forward(self, values: Tensor) -> Tensor:
        """Normalises ``values``: by the batch's statistics in training, by the running ones in evaluation."""
        if not self.training:
            return super().forward(values)
        assert self.momentum is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        broadcast = [1, -1, *[1] * (values.ndim - 2)]
        reduced = [dim for dim in range(values.ndim) if dim != 1]
        wide = values.float()
        count = wide.numel() // wide.shape[1] * dist.get_world_size()
        mean = _all_reduce(wide.sum(reduced)) / count
        centred = wide - mean.view(broadcast)
        variance = _all_reduce(centred.square().sum(reduced)) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        normalised = centred * (variance + self.eps).rsqrt().view(broadcast)
        if self.affine:
            normalised = normalised * self.weight.view(broadcast) + self.bias.view(broadcast)
        return normalised.to(values.dtype)

    def _check_input_dim(self, values: Tensor) -> None:
        if values.ndim < 2:
            raise ValueError(f"batch norm takes (B, C, ...), not {values.ndim} dimensions")


class _AllReduce(torch.autograd.Function):
    """Sum over the processes; so is the gradient, since the processes' losses add up."""

    @staticmethod
    def forward(_: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def _all_reduce(value: Tensor) -> Tensor:
    total: Tensor = _AllReduce.apply(value)  # type: ignore[no-untyped-call]
    return total
