"""A network of timm (PyTorch image models) by its name, with weights from a safetensors file; nothing is downloaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from methods.base import Method
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.pretrained import InputOptions, PretrainedEncoder, require
from methods.registry import register
from plugins import did_you_mean, first_line


@dataclass(frozen=True)
class TimmOptions(InputOptions):
    """See `InputOptions`."""

    model: str = field(default="", metadata={"help": "timm's name of the network, set by fabbench import"})


@register("timm", version=1)
class TimmModel(Method):
    """A network of timm without its classifier as a frozen encoder."""

    kind = "pretrained"
    trained = False
    summary = "a network of timm (fabbench import timm:NAME --weights FILE.safetensors)"
    Options = TimmOptions

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = TimmEncoder(self.options)


class TimmEncoder(PretrainedEncoder):
    """The network without its classifier: one output, the pooled features."""

    def __init__(self, options: TimmOptions):
        super().__init__(options)
        self.model = create(options.model)

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """The pooled features, called ``features``."""
        return {"features": self.model(images)}


def create(name: str) -> nn.Module:
    """The network with random weights.

    Raises:
        MethodError: timm is not installed, or has no such network.
    """
    require("timm", "timm")
    import timm

    if name not in timm.list_models():
        known = timm.list_models(f"*{name[:6]}*") or timm.list_models()[:8]
        raise MethodError(f"timm has no network {name!r}; {did_you_mean(name, known)}")
    network: nn.Module = timm.create_model(name, pretrained=False, num_classes=0)
    return network


def read_timm(name: str, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Options that timm knows of a network, and the state of its method from released weights, without the classifier.

    Raises:
        MethodError: there is no such network.
    """
    network = create(name)
    told: Mapping[str, Any] = getattr(network, "pretrained_cfg", None) or {}
    try:
        options: dict[str, Any] = {"model": name}
        if told.get("input_size"):
            options["size"] = int(told["input_size"][-1])
        options |= {key: list(told[key]) for key in ("mean", "std") if told.get(key)}
        if told.get("interpolation") in ("bilinear", "bicubic"):
            options["interpolation"] = told["interpolation"]
        classifier = told.get("classifier") or ()
    except (TypeError, ValueError) as error:
        raise MethodError(f"timm's settings of {name} cannot be read: {first_line(error)}") from error
    heads = tuple(f"{head}." for head in ([classifier] if isinstance(classifier, str) else classifier))
    state = {key: value for key, value in weights.items() if not key.startswith(heads)}
    return options, {f"encoder.model.{key}": value for key, value in state.items()}
