"""The contract of `Method` as checks that every method passes, built in or not.

`fabbench methods FILE.py --check` runs them, and the tests run them on every method with every encoder.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

import torch
from torch import Tensor

from methods.base import Method, MethodOutput
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.outputs import check_embedding, check_output
from plugins import first_line

SIZE = 32
SPEC = EncoderSpec(size=SIZE, width=4, dim=12)
STEPS = 60  # in which a method learns something about one batch


class ContractError(MethodError):
    """A method breaks its contract; the message says how."""


@dataclass(frozen=True)
class Subject:
    """What is checked: a method with options and an encoder, and the state of one that comes with a file."""

    method: type[Method]
    options: Mapping[str, Any] = field(default_factory=dict)
    spec: EncoderSpec = SPEC
    state: Mapping[str, Tensor] = field(default_factory=dict)

    def build(self, seed: int = 0) -> Any:
        """An instance whose initial weights follow the seed; a ceiling predicts three numbers."""
        torch.manual_seed(seed)
        if self.method.kind == "ceiling":
            return self.method(self.spec, self.options, outputs=3, loss=_squared_error)  # type: ignore[call-arg]
        built = self.method(self.spec, self.options)
        if self.state:
            built.load_state_dict(self.state)
        return built

    @property
    def learns(self) -> bool:
        """Whether it is trained at all."""
        return self.method.trained


Check = Callable[[Subject], None]
CHECKS: dict[str, Check] = {}


def broken(subject: Subject) -> Iterator[tuple[str, str | None]]:
    """Runs the checks one after another; yields the name of each, and what is wrong or None."""
    for name, check in CHECKS.items():
        problem = None
        try:
            check(subject)
        except MethodError as error:
            problem = str(error)
        except Exception as error:  # whatever a user's own method raises
            problem = f"raised {first_line(error)}"
        yield name, problem


def _check(name: str) -> Callable[[Check], Check]:
    def add(check: Check) -> Check:
        CHECKS[name] = check
        return check

    return add


def require(condition: bool, problem: str) -> None:
    """Raises ContractError if the condition does not hold."""
    if not condition:
        raise ContractError(problem)


@_check("embeds each image as one vector of the encoder's length")
def _embedding(subject: Subject) -> None:
    for size in (subject.spec.size, 2 * subject.spec.size):
        method = replace(subject, spec=replace(subject.spec, size=size)).build().eval()
        check_embedding(method)
        embeddings = method.embed(tracks(3, 1, size)[:, 0])
        require(embeddings.dtype == torch.float32, f"embeddings are {embeddings.dtype}, not float32")
        require(bool(embeddings.isfinite().all()), "embeddings are not finite")


@_check("embeds an image in the same way in any batch and memory format")
def _independent(subject: Subject) -> None:
    method = subject.build().eval()
    images = tracks(6, 1, subject.spec.size)[:, 0]
    embeddings = method.embed(images)
    _require_close(method.embed(images[2:3]), embeddings[2:3], "an embedding depends on the rest of the batch")
    _require_close(method.embed(images.flip(0)), embeddings.flip(0), "an embedding depends on its place in the batch")
    method.to(memory_format=torch.channels_last)
    channels_last = method.embed(images.contiguous(memory_format=torch.channels_last))
    _require_close(channels_last, embeddings, "an embedding depends on the memory format")


@_check("returns one finite loss a sample, scalars and pictures, and leaves the frames alone")
def _output(subject: Subject) -> None:
    for training in (True, False) if subject.learns else ():
        method = subject.build().train(training)
        frames = _frames(subject, method, 5)
        before = frames.clone()
        output = run(method, frames)
        check_output(method, output, 5)
        require(output.losses.dtype == torch.float32, f"losses are {output.losses.dtype}, not float32")
        require(bool(output.losses.isfinite().all()), "losses are not finite")
        for name, value in output.scalars.items():
            right = value.ndim == 0 and bool(value.isfinite()) and not value.requires_grad
            require(right, f"scalar {name!r} must be a finite number of shape (), detached")
        for name, picture in output.pictures.items():
            right = picture.shape == (5, 3, *frames.shape[-2:]) and not picture.requires_grad
            require(right, f"picture {name!r} must be (B, 3, H, W), detached")
            require(bool(picture.amin() >= 0 and picture.amax() <= 1), f"picture {name!r} must be in [0, 1]")
        require(not (training and output.pictures), "pictures cost time: give them in eval mode only")
        require(torch.equal(frames, before), "forward writes to its input")


@_check("gives the losses in the order of the samples")
def _order(subject: Subject) -> None:
    if not subject.learns:
        return
    method = subject.build().eval()
    frames = _frames(subject, method, 6)
    torch.manual_seed(0)
    losses = run(method, frames).losses
    require(bool(losses.max() > losses.min()), "all losses are equal: give each sample its own, not their mean")
    if torch.equal(losses, run(method, frames).losses):  # else it draws random numbers, which belong to a place
        order = torch.tensor([3, 0, 5, 1, 4, 2])
        _require_close(run(method, frames[order]).losses, losses[order], "losses are not in the order of the samples")


@_check("trains all of the encoder and every other trainable parameter")
def _gradients(subject: Subject) -> None:
    if not subject.learns:
        return
    method = subject.build().eval()  # in train mode batch norm cancels the bias before it
    run(method, _frames(subject, method, 8)).losses.mean().backward()
    parameters = dict(method.encoder.named_parameters())
    require(bool(parameters), "the encoder has no parameters")
    for name, parameter in parameters.items():
        has = parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0
        require(bool(has), f"the loss does not reach encoder.{name}")
    method = subject.build()
    run(method, _frames(subject, method, 8)).losses.mean().backward()
    for name, parameter in method.named_parameters():
        reached = parameter.grad is not None or not parameter.requires_grad
        require(reached, f"{name} gets no gradient; set requires_grad to False where it is not trained")


@_check("draws its initial weights from torch's generator")
def _seed(subject: Subject) -> None:
    if subject.method.kind == "pretrained":
        return
    first, again, other = (subject.build(seed).state_dict() for seed in (0, 0, 1))
    require(_equal(first, again), "two instances of one seed differ")
    if list(subject.build().parameters()):
        require(not _equal(first, other), "instances of two seeds are equal")


@_check("trains to the same weights every time")
def _deterministic(subject: Subject) -> None:
    if subject.learns:
        first, second = (train(subject, steps=3)[0].state_dict() for _ in range(2))
        require(_equal(first, second), "two trainings from one seed end with other weights")


@_check("can be saved and loaded")
def _saved(subject: Subject) -> None:
    method = train(subject, steps=2)[0] if subject.learns else subject.build()
    if method.needs_statistics:
        method.embed(tracks(8, 1, subject.spec.size)[:, 0])
    file = BytesIO()
    torch.save(method.state_dict(), file)
    file.seek(0)
    other = subject.build(seed=1)
    other.load_state_dict(torch.load(file, weights_only=True))
    images = tracks(4, 1, subject.spec.size)[:, 0]
    same = torch.equal(other.eval().embed(images), method.eval().embed(images))
    require(same, "with the same weights it embeds differently: keep what changes in parameters and buffers")


@_check("works in bfloat16")
def _bfloat16(subject: Subject) -> None:
    if not subject.learns:
        return
    method = subject.build()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = run(method, _frames(subject, method, 8)).losses
    require(losses.dtype == torch.float32, f"under autocast losses are {losses.dtype}: compute them in float32")
    require(bool(losses.isfinite().all()), "under autocast losses are not finite")
    losses.mean().backward()
    gradients = [parameter.grad for parameter in method.parameters() if parameter.requires_grad]
    require(all(bool(gradient.isfinite().all()) for gradient in gradients), "gradients are not finite under autocast")


@_check("refuses options that it does not have")
def _options(subject: Subject) -> None:
    try:
        subject.method.parse_options({"no_such_option": 1})
    except MethodError:
        return
    raise ContractError("it takes an option called no_such_option")


@_check("learns: its loss on one batch falls")
def _learning(subject: Subject) -> None:
    if subject.learns:
        losses = train(subject, STEPS)[1]
        first, last = sum(losses[:5]) / 5, sum(losses[-5:]) / 5
        require(last < 0.8 * first, f"the loss on one batch is {first:.3g} at first and {last:.3g} after {STEPS} steps")


def train(subject: Subject, steps: int) -> tuple[Any, list[float]]:
    """Trains a new instance on one batch, as the training loop does; returns it and the losses of all steps."""
    method = subject.build().train()
    frames = _frames(subject, method, 16)
    optimiser = torch.optim.Adam([weight for weight in method.parameters() if weight.requires_grad], lr=1e-3)
    losses = []
    for step in range(steps):
        torch.manual_seed(step)
        method.step, method.total_steps = step, steps
        loss = run(method, frames).losses.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            method.after_step()
        losses.append(loss.item())
    return method, losses


def tracks(count: int, frames: int, size: int = SIZE) -> Tensor:
    """Frames (count, frames, 3, size, size) of a coloured disc over a background that darkens downwards.

    The colours are those of the track; the disc moves from frame to frame. A method can learn something of them in a
    few steps.
    """
    generator = torch.Generator().manual_seed(1)
    axis = torch.linspace(0, 1, size)
    centre = 0.3 + 0.4 * torch.rand(count, frames, 2, 1, 1, generator=generator)
    colour = torch.rand(count, 1, 3, 1, 1, generator=generator)
    distance = (axis - centre[:, :, 0]).square() + (axis[:, None] - centre[:, :, 1]).square()
    disc = torch.sigmoid((0.04 - distance) * 100)[:, :, None]
    background = (0.6 * (1 - axis[:, None]) + 0.1 * colour).expand(count, frames, 3, size, size)
    return disc * colour + (1 - disc) * background


def _frames(subject: Subject, method: Method, count: int) -> Tensor:
    return tracks(count, method.frames * method.views, subject.spec.size)


def run(method: Any, frames: Tensor) -> MethodOutput:
    """A forward pass; for a ceiling the labels are the image's mean colour."""
    labels = (frames[:, 0].mean((2, 3)), torch.ones(len(frames), dtype=torch.bool))
    output: MethodOutput = method(frames, *labels) if method.kind == "ceiling" else method(frames)
    return output


def _squared_error(outputs: Tensor, values: Tensor, known: Tensor) -> Tensor:
    return (outputs - values).square().mean(1) * known


def _require_close(actual: Tensor, expected: Tensor, problem: str) -> None:
    require(torch.allclose(actual, expected, rtol=1e-4, atol=1e-5), problem)


def _equal(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())
