"""Heads with an exact solution: ridge regression for landmarks and pose, logistic regression for classes and units.

Features are standardised and the bias is not penalised. One L2 penalty for all outputs of a task is chosen on val from
a grid; penalties are per training face, so that they mean the same for any number of faces.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..coding import Coding
from ..head import AffineRuns, Fitted, Head, Split, best, joined, standardiser
from ..registry import register_head
from ..target import REGRESSION, Labels

Solution = tuple[dict[str, float], NDArray[np.float64], NDArray[np.float64]]  # penalty, (D, T), (T,)

LOGISTIC = (10.0, 3.2, 1.0, 0.32, 0.1, 0.032, 0.01, 0.0032, 0.001)  # penalties per training face
RIDGE = (*LOGISTIC, 0.00032, 0.0001, 3.2e-05, 1e-05)
TOLERANCE = 1e-5  # of the gradient, at which a logistic regression counts as solved


@register_head("exact", version=1)
class Exact(Head):
    """Ridge regression for landmarks and pose, logistic regression for classes and units, solved exactly."""

    title = "linear, solved exactly"

    def fit_runs(self, train: Split, val: Split, coding: Coding, seed: int) -> Sequence[Fitted]:
        return fit_exact(train, val, coding).runs()

    def refit(self, fitted: Fitted, train: Split, val: Split, coding: Coding, seed: int) -> Fitted:
        return refit_exact(fitted, train, joined(train, val), coding).refitted(fitted)


def fit_exact(train: Split, val: Split, coding: Coding) -> AffineRuns:
    """Ridge for landmarks and pose, weighted logistic regression for classes and action units, run by run."""
    solve, grid = _solver(train.labels.kind)
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
    return AffineRuns(np.stack(weights), np.stack(biases), choices, protocol)


def refit_exact(fitted: Fitted, train: Split, both: Split, coding: Coding) -> AffineRuns:
    """The solution for all faces (N, D) with the penalty per face that was chosen by fitting on ``train``."""
    solve, grid = _solver(train.labels.kind)
    choice, n = fitted.choice, len(train.labels)
    penalty = choice["alpha"] / n if "alpha" in choice else 1 / (choice["C"] * n)
    index = int(np.argmin(np.abs(np.array(grid) - penalty)))
    mean, scale = standardiser(both.features)
    _, solution, offset = next(islice(solve((both.features - mean) / scale, both.labels, coding), index, None))
    weight = solution / scale.T
    return AffineRuns(weight[None], (offset - mean @ weight)[None], [{}], {})


def _solver(kind: str) -> tuple[Callable[[NDArray[np.float64], Labels, Coding], Iterator[Solution]], tuple[float, ...]]:
    """The solver for a kind of target, and its grid of penalties."""
    return (_ridge, RIDGE) if kind in REGRESSION else (_logistic, LOGISTIC)


def _ridge(x: NDArray[np.float64], labels: Labels, coding: Coding) -> Iterator[Solution]:
    """Minimise |x w - y|^2 + alpha |w|^2 for every alpha, from one eigendecomposition of x'x."""
    codes, known = coding.encode(labels)
    if not known.all():
        yield from _ridge_of_known(x, codes, known)
        return
    eigenvalues, basis = np.linalg.eigh(x.T @ x)
    moments = basis.T @ (x.T @ codes)
    for penalty in RIDGE:
        alpha = penalty * len(x)
        shrunk = moments / (np.maximum(eigenvalues, 0)[:, None] + alpha)
        yield {"alpha": alpha}, basis @ shrunk, np.zeros(coding.width)  # x and codes are centred


def _ridge_of_known(x: NDArray[np.float64], codes: NDArray[np.float32], known: NDArray[np.bool_]) -> Iterator[Solution]:
    """`_ridge` for each output on the faces (N, T) whose label of it is known; penalties per known face."""
    parts = []
    for each, rows in zip(codes.T, known.T, strict=True):
        centre = x[rows].mean(0) if rows.any() else np.zeros(x.shape[1])
        faces = x[rows] - centre
        eigenvalues, basis = np.linalg.eigh(faces.T @ faces)
        parts.append((np.maximum(eigenvalues, 0), basis, basis.T @ (faces.T @ each[rows]), centre, max(rows.sum(), 1)))
    for penalty in RIDGE:
        weights = [basis @ (moments / (values + penalty * n)) for values, basis, moments, _, n in parts]
        offsets = [-centre @ weight for weight, (_, _, _, centre, _) in zip(weights, parts, strict=True)]
        yield {"alpha": penalty * len(x)}, np.stack(weights, 1), np.array(offsets)


def _logistic(x: NDArray[np.float64], labels: Labels, coding: Coding) -> Iterator[Solution]:
    """Minimise C * (sum of the weighted losses) + |w|^2 / 2 by L-BFGS, from the strongest to the weakest penalty.

    The loss is the coding's: multinomial for classes, and independent per unit for action units, which share only the
    penalty. The parameters are preconditioned: rotated to the eigenvectors of x'x and scaled by the largest possible
    curvature along each, which saves most iterations. Each solution initialises the next.
    """
    codes, known = (torch.from_numpy(each) for each in coding.encode(labels))
    units = coding.width if labels.kind == "aus" else 1  # the coding divides the loss of a face by the number of units
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
    """Return the parameters that minimise a smooth convex function, by L-BFGS from ``start``."""
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
