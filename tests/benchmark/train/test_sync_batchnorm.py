"""Conversion of batch norms; their numerics are tested with several processes in test_distributed."""

import torch
from torch import nn

from benchmark.train.sync_batchnorm import CpuSyncBatchNorm, convert_cpu_sync_batchnorm


def test_converted_module_keeps_weights_and_statistics() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.BatchNorm2d(4, affine=False)))
    module(torch.rand(5, 3, 8, 8))  # moves the statistics
    images = torch.rand(2, 3, 8, 8)
    expected, parameters = module.eval()(images), list(module.parameters())
    state = {name: value.clone() for name, value in module.state_dict().items()}

    converted = convert_cpu_sync_batchnorm(module)
    assert sum(isinstance(layer, CpuSyncBatchNorm) for layer in converted.modules()) == 2
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in converted.modules())
    assert all(new is old for new, old in zip(converted.parameters(), parameters, strict=True))
    assert list(converted.state_dict()) == list(state)
    assert all(torch.equal(value, state[name]) for name, value in converted.state_dict().items())
    assert torch.equal(converted(images), expected)
