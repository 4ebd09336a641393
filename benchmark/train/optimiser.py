"""The optimiser of a run: the benchmark's, with the method's groups of parameters, or the method's own."""

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from benchmark.config.schema import TrainConfig
from benchmark.errors import DataError, first_line
from methods.base import Method


def make_optimiser(method: Method, config: TrainConfig) -> Optimizer:
    """The optimiser that trains a method.

    Raises:
        DataError: the method's groups or its optimiser are invalid, or leave out a trainable parameter.
    """
    try:
        optimiser = method.optimiser(config)
        if optimiser is None:
            optimiser = _common(method, config)
    except Exception as error:  # of the user's code, and torch's for malformed or overlapping groups
        raise DataError(f"{method.name}: its parameter groups make no optimiser: {first_line(error)}") from error
    if not isinstance(optimiser, Optimizer):
        raise DataError(f"{method.name}: optimiser must return a torch.optim.Optimizer or None, not {optimiser!r}")
    if isinstance(optimiser, torch.optim.LBFGS):
        raise DataError(f"{method.name}: LBFGS computes the loss several times a step, which training does not offer")
    _check_complete(method, optimiser)
    return optimiser


def describe_optimiser(optimiser: Optimizer, method: Method) -> dict[str, Any]:
    """What trains a method, for its cost record: before the schedule moves rates, so that ``lr`` is the highest.

    ``own`` is true if the method brings the optimiser. ``parameters`` counts the numbers of a group; what else it holds
    are the settings of torch's optimiser.
    """
    groups = []
    for group in optimiser.param_groups:
        plain = {
            key: value.item() if isinstance(value, Tensor) else value for key, value in group.items() if key != "params"
        }
        settings = {key: value for key, value in plain.items() if isinstance(value, (bool, int, float, str, tuple))}
        groups.append({"parameters": sum(each.numel() for each in group["params"]), **settings})
    return {"name": type(optimiser).__name__, "own": type(method).optimiser is not Method.optimiser, "groups": groups}


def _common(method: Method, config: TrainConfig) -> Optimizer:
    groups = method.parameter_groups(config)
    if config.optimiser == "sgd":
        return torch.optim.SGD(
            groups,
            config.lr,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            nesterov=config.nesterov,
        )
    kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, config.lr, weight_decay=config.weight_decay)


def _check_complete(method: Method, optimiser: Optimizer) -> None:
    """Refuses an optimiser that would leave parameters untrained, or train some that are not the method's."""
    optimised = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    own = {id(parameter): name for name, parameter in method.named_parameters()}
    trainable = {id(parameter): name for name, parameter in method.named_parameters() if parameter.requires_grad}
    if left_out := [name for key, name in trainable.items() if key not in optimised]:
        raise DataError(
            f"{method.name}: its optimiser leaves out {left_out[0]} ({len(left_out)} of {len(trainable)} parameters); "
            "put it into a group, or set requires_grad to False"
        )
    if optimised - own.keys():
        raise DataError(f"{method.name}: its optimiser has parameters that are not the method's; copies are not saved")
