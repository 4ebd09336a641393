"""Weights that others released, in their own layouts, for the methods here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from methods.encoder import EncoderSpec
from methods.errors import MethodError

State = dict[str, Tensor]


@dataclass(frozen=True)
class Released:
    """A file of weights in the names of a method here.

    Attributes:
        method: registered name.
        options: of the method.
        spec: of the encoder; None for a method with a network of its own.
        weights: the method's state.
        probe: where the file has one, the probe trained on the embeddings, as the layers of
            ``Sequential(BatchNorm1d(D), Linear(D, T, bias=False))``.
    """

    method: str
    weights: State
    options: dict[str, Any] = field(default_factory=dict)
    spec: EncoderSpec | None = None
    probe: State | None = None


def recognise(content: Any) -> Released:
    """Tells whose weights these are, by the names in them.

    FAb-Net, as its authors saved it (github.com/oawiles/FAb-Net): ``state_dict_model`` with the probe beside it as
    ``state_dict``, or the model alone as ``state_dict``. VGG-Face, named as in Caffe: ``conv1_1.weight`` to ``fc8``.

    Args:
        content: what the file holds, a state or a dictionary with states in it.

    Raises:
        MethodError: neither, or layers that are missing, too many or of other shapes than one network's.
    """
    if not isinstance(content, Mapping):
        raise MethodError(f"holds a {type(content).__name__}, not named weights")
    model = content.get("state_dict_model", content.get("state_dict", content))
    if not isinstance(model, Mapping):
        raise MethodError("its state_dict holds no named weights")
    state = {str(name).removeprefix("module."): value for name, value in model.items() if isinstance(value, Tensor)}
    if "encoder.0.weight" in state:
        return _fabnet(state, content.get("state_dict") if "state_dict_model" in content else None)
    if "conv1_1.weight" in state:
        return Released("vgg-face", {f"encoder.{name}": v for name, v in state.items() if not name.startswith("fc8.")})
    raise MethodError(f"holds neither FAb-Net nor VGG-Face, but {', '.join(sorted(state)[:4]) or 'no weights'}")


def _fabnet(state: State, probe: Any) -> Released:
    """Encoder, flow decoder and, as ``mask``, confidence decoder: each numbers its layers as ours do."""
    ours = {"encoder": "encoder.layers", "decoder": "decoder.layers", "mask": "confidence.layers"}
    weights: State = {}
    for name, value in state.items():
        part, _, rest = name.partition(".")
        if part not in ours:
            raise MethodError(f"holds {name}, which FAb-Net does not have")
        weights[f"{ours[part]}.{rest}"] = value
        if rest.endswith("running_var"):  # counted since PyTorch 0.4.1, and of no effect
            weights.setdefault(f"{ours[part]}.{rest.replace('running_var', 'num_batches_tracked')}", torch.tensor(0))
    convolutions = sorted(
        (int(name.split(".")[2]), value) for name, value in weights.items() if _is_convolution(name, value)
    )
    spec = EncoderSpec(size=2 ** len(convolutions), width=convolutions[0][1].shape[0], dim=convolutions[-1][1].shape[0])
    sources = 3 if any(name.startswith("confidence.") for name in weights) else 1  # the released models': "4 views"
    return Released("fabnet", weights, {"sources": sources}, spec, _probe(probe, spec.dim))


def _is_convolution(name: str, value: Tensor) -> bool:
    return name.startswith("encoder.") and value.ndim == 4


def _probe(state: Any, dim: int) -> State | None:
    if state is None:
        return None
    names = ("0.weight", "0.bias", "0.running_mean", "0.running_var", "1.weight")
    if not isinstance(state, Mapping) or not all(isinstance(state.get(name), Tensor) for name in names):
        raise MethodError("its state_dict, beside state_dict_model, is no batch norm with a linear layer")
    probe = {name: state[name] for name in names}
    if any(probe[name].shape != (dim,) for name in names[:4]) or probe["1.weight"].shape[1:] != (dim,):
        raise MethodError(f"its probe does not read embeddings of {dim} numbers")
    return probe
