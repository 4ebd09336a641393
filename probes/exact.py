"""Heads with one best solution: ridge regression, and logistic regression where the target is a class or a unit.

On standardised features, with a bias that is not penalised. The penalty on the weights, one for all outputs of
a task, is chosen on val from a grid given for each training face, so that it means the same at any number.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .coding import Coding
from .heads import Affine, Split, best, standardiser
from .target import REGRESSION, Labels

Solution = tuple[dict[str, float], NDArray[np.float64], NDArray[np.float64]]  # penalty, (D, T), (T,)

RIDGE = tuple(float(f"{10**e:.2g}") for e in np.arange(1, -5.5, -0.5))
TOLERANCE = 1e-5  # of the gradient, at which a logistic regression is solved
LOGISTIC = tuple(float(f"{10**e:.2g}") for e in np.arange(1, -3.5, -0.5))


def fit_exact(train: Split, val: Split, coding: Coding) -> Affine:
    """Ridge for landmarks and pose, weighted logistic regression for classes and action units, run by run."""
    solve, grid = (_ridge, RIDGE) if train.labels.kind in REGRESSION else (_logistic, LOGISTIC)
    mean, scale = standardiser(train.features)
    weights, biases, choices = [], [], []
    for run in range(len(train.features)):
        x, x_val = ((each.features[run] - mean[run]) / scale[run] for each in (train, val))
        penalties, candidates, offsets = zip(*solve(x, train.labels, coding), strict=True)
        outputs = np.stack([x_val @ weight + bias for weight, bias in zip(candidates, offsets, strict=True)])
        index, _, chosen = best(penalties, outputs, coding, val.labels)
        weight = candidates[index] / scale[run].T
        weights.append(weight)
        biases.append(offsets[index] - mean[run] @ weight)
        choices.append(chosen)
    protocol = {"solver": solve.__name__.strip("_"), "penalties_per_face": grid}
    return Affine(np.stack(weights), np.stack(biases), choices, protocol)


def _ridge(x: NDArray[np.float64], labels: Labels, coding: Coding) -> Iterator[Solution]:
    """Minimises |x w - y|^2 + alpha |w|^2 for every alpha from one eigendecomposition of x'x."""
    codes, _ = coding.encode(labels)
    eigenvalues, basis = np.linalg.eigh(x.T @ x)
    moments = basis.T @ (x.T @ codes)
    for penalty in RIDGE:
        alpha = penalty * len(x)
        shrunk = moments / (np.maximum(eigenvalues, 0)[:, None] + alpha)
        yield {"alpha": alpha}, basis @ shrunk, np.zeros(coding.width)  # x and codes are centred


def _logistic(x: NDArray[np.float64], labels: Labels, coding: Coding) -> Iterator[Solution]:
    """Minimises C * (the weighted losses of all faces) + |w|^2 / 2 by L-BFGS, from strong to weak penalty.

    The loss is the coding's: multinomial for classes; for action units the units are separate problems that
    share nothing but the penalty. The search runs along the eigenvectors of x'x, each scaled by the curvature
    it can have at most, which makes it several times shorter; each solution starts the next.
    """
    codes, known = (torch.from_numpy(each) for each in coding.encode(labels))
    units = coding.width if labels.kind == "aus" else 1  # the coding divides a face's loss by its units
    eigenvalues, basis = np.linalg.eigh(x.T @ x / len(x))
    rotated = torch.from_numpy(x @ basis)
    weight = torch.zeros(x.shape[1], coding.width, dtype=torch.float64)
    bias = torch.zeros(coding.width, dtype=torch.float64)

    def objective(scaled: Tensor, bias: Tensor, faces: Tensor, stretch: Tensor, penalty: float) -> Tensor:
        loss = units * coding.loss(torch.addmm(bias, faces, scaled), codes, known).mean()
        return loss + penalty / 2 * (scaled * stretch).square().sum()

    for penalty in LOGISTIC:
        stretch = torch.from_numpy((np.maximum(eigenvalues, 0) / 4 + penalty) ** -0.5)[:, None]
        loss = partial(objective, faces=rotated * stretch.T, stretch=stretch, penalty=penalty)
        scaled, bias = _minimise(loss, weight / stretch, bias)
        weight = scaled * stretch
        yield {"C": 1 / (penalty * len(x))}, basis @ weight.numpy(), bias.numpy()


def _minimise(objective: Callable[..., Tensor], *start: Tensor) -> list[Tensor]:
    """The parameters at the least value of a smooth convex function."""
    parameters = [each.clone().requires_grad_() for each in start]
    solver = torch.optim.LBFGS(
        parameters, max_iter=500, tolerance_grad=TOLERANCE, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        solver.zero_grad()
        value = objective(*parameters)
        value.backward()
        return value

    solver.step(closure)
    return [each.detach() for each in parameters]
