"""Weights released by others, converted to the layouts of the methods here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from methods.encoder import EncoderSpec
from methods.errors import MethodError

State = dict[str, Tensor]

FABNET_PARTS = {"encoder": "encoder.layers", "decoder": "decoder.layers", "mask": "confidence.layers"}
PROBE_NORM = ("0.weight", "0.bias", "0.running_mean", "0.running_var")
PROBE_LINEAR = "1.weight"


@dataclass(frozen=True)
class Released:
    """Released weights under the names of a method here.

    Attributes:
        method: registered name.
        weights: state of the method.
        options: of the method.
        spec: of the encoder; None for a method with a network of its own.
        probe: the probe that was trained on the embeddings, if the file has one: the state of
            ``Sequential(BatchNorm1d(D), Linear(D, T, bias=False))``.
    """

    method: str
    weights: State
    options: dict[str, Any] = field(default_factory=dict)
    spec: EncoderSpec | None = None
    probe: State | None = None


def recognise(content: Any) -> Released:
    """Recognises released weights by their names, and renames them.

    * FAb-Net, as its authors saved it (github.com/oawiles/FAb-Net): the model as ``state_dict_model`` and a probe as
      ``state_dict``, or the model alone as ``state_dict``.
    * VGG-Face, with the names of the Caffe model: ``conv1_1.weight`` to ``fc8.bias``.

    Args:
        content: of the file: named weights, or a dictionary that has them under the keys above.

    Raises:
        MethodError: the weights are of another network, or of an inconsistent one.
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
        return _vgg_face(state)
    raise MethodError(f"holds neither FAb-Net nor VGG-Face, but {', '.join(sorted(state)[:4]) or 'no weights'}")


def _vgg_face(state: State) -> Released:
    """Everything but FC8, the classifier of the training identities."""
    weights = {f"encoder.{name}": value for name, value in state.items() if not name.startswith("fc8.")}
    return Released("vgg-face", weights)


def _fabnet(state: State, probe: Any) -> Released:
    """Encoder, flow decoder and confidence decoder (``mask``); layers have the same numbers as here."""
    weights: State = {}
    for name, value in state.items():
        part, _, rest = name.partition(".")
        if part not in FABNET_PARTS:
            raise MethodError(f"holds {name}, which FAb-Net does not have")
        weights[f"{FABNET_PARTS[part]}.{rest}"] = value
        if rest.endswith("running_var"):  # batch norm has a counter since PyTorch 0.4.1; its value does not matter here
            counter = rest.replace("running_var", "num_batches_tracked")
            weights.setdefault(f"{FABNET_PARTS[part]}.{counter}", torch.tensor(0))
    spec = _fabnet_spec(weights)
    sources = 3 if any(name.startswith("confidence.") for name in weights) else 1  # "4 views": 3 sources and a target
    return Released("fabnet", weights, {"sources": sources}, spec, _fabnet_probe(probe, spec.dim))


def _fabnet_spec(weights: State) -> EncoderSpec:
    """Dimensions of the encoder, from the shapes of its convolutions in the order of layers."""
    convolutions = {
        int(name.split(".")[2]): value
        for name, value in weights.items()
        if name.startswith("encoder.") and value.ndim == 4
    }
    first, last = convolutions[min(convolutions)], convolutions[max(convolutions)]
    return EncoderSpec(size=2 ** len(convolutions), width=first.shape[0], dim=last.shape[0])


def _fabnet_probe(state: Any, dim: int) -> State | None:
    """The probe's state, checked against the length of the embedding."""
    if state is None:
        return None
    names = (*PROBE_NORM, PROBE_LINEAR)
    if not isinstance(state, Mapping) or not all(isinstance(state.get(name), Tensor) for name in names):
        raise MethodError("its state_dict, beside state_dict_model, is no batch norm with a linear layer")
    probe: State = {name: state[name] for name in names}
    if any(probe[name].shape != (dim,) for name in PROBE_NORM) or probe[PROBE_LINEAR].shape[1:] != (dim,):
        raise MethodError(f"its probe does not take embeddings of {dim} numbers")
    return probe
