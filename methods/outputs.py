"""Checks of what a method returns, made on two samples before anything is trained."""

import torch
from torch import Tensor

from methods.base import Method, MethodOutput
from methods.errors import MethodError

SAMPLES = 2  # batch norm over one pixel needs more than one


def check_output(method: Method, output: object, samples: int) -> None:
    """Checks the result of `forward`.

    Raises:
        MethodError: it has the wrong type, or not one differentiable loss for each of ``samples``.
    """
    losses = output.losses if isinstance(output, MethodOutput) else None
    if not isinstance(output, MethodOutput):
        actual = type(output).__name__
    elif not isinstance(losses, Tensor):
        actual = f"losses of type {type(losses).__name__}"
    elif losses.shape != (samples,):
        actual = f"losses of shape {tuple(losses.shape)}"
    elif not losses.requires_grad:
        actual = f"losses without gradient ({losses.dtype})"
    else:
        _check_scalars(method, output.scalars)
        return
    raise MethodError(f"{method.name}: forward must return MethodOutput(losses ({samples},)), not {actual}")


def _check_scalars(method: Method, scalars: object) -> None:
    if not isinstance(scalars, dict):
        raise MethodError(f"{method.name}: MethodOutput.scalars must be a dict, not {type(scalars).__name__}")
    for name, value in scalars.items():
        if not isinstance(value, Tensor):
            raise MethodError(f"{method.name}: scalar {name!r} must be a tensor, not {type(value).__name__}")


def check_embedding(method: Method) -> None:
    """Embeds two images in evaluation mode, on the device of the method's weights.

    Raises:
        MethodError: the embedding is not (B, ``spec.dim``); for a kind other than ``method``, not (B, D).
        Exception: whatever `embed` raises.
    """
    size = method.spec.size
    with torch.no_grad():
        embeddings = method.eval().embed(torch.rand(SAMPLES, 3, size, size, device=_device(method)))
    actual = f"shape {tuple(embeddings.shape)}" if isinstance(embeddings, Tensor) else type(embeddings).__name__
    if not isinstance(embeddings, Tensor) or embeddings.ndim != 2 or len(embeddings) != SAMPLES:
        raise MethodError(f"{method.name}: embed must return one vector for each image, ({SAMPLES}, D), not {actual}")
    if method.kind == "method" and embeddings.shape[1] != method.spec.dim:
        raise MethodError(
            f"{method.name}: embed returns {embeddings.shape[1]} numbers for each image, not the {method.spec.dim} of "
            "encoder.dim, which all methods of a benchmark share"
        )


def check_independence(method: Method) -> None:
    """Embeds two images together and one of them alone, in evaluation mode, after `check_embedding`.

    Raises:
        MethodError: an embedding is not finite, or depends on the other images.
        Exception: whatever `embed` raises.
    """
    size = method.spec.size
    images = torch.rand(SAMPLES, 3, size, size, device=_device(method))
    with torch.no_grad():
        together, alone = method.eval().embed(images), method.embed(images[:1])
    if not together.isfinite().all():
        raise MethodError(f"{method.name}: embed returns numbers that are not finite")
    if not torch.allclose(alone, together[:1], rtol=1e-2, atol=1e-3 * float(together.abs().max())):
        raise MethodError(
            f"{method.name}: an image's embedding depends on the other images (encoder.name={method.spec.name}); "
            "use no statistics of the batch in evaluation mode"
        )


def check_forward(method: Method) -> None:
    """Runs `forward` on two samples in training mode, on the device of the method's weights.

    Raises:
        MethodError: as `check_output`.
        Exception: whatever `forward` raises.
    """
    size = method.spec.size
    frames = torch.rand(SAMPLES, method.frames * method.views, 3, size, size, device=_device(method))
    check_output(method, method.train()(frames), SAMPLES)


def _device(method: Method) -> torch.device:
    return next((weight.device for weight in method.parameters()), torch.device("cpu"))
