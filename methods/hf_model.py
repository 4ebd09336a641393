"""A vision model in a folder of Hugging Face transformers: Dinov2, ViT, the image tower of CLIP, ResNet and others.

The network is built from the folder's ``config.json`` by the installed transformers; no code of the folder is executed,
nothing is unpickled and nothing is downloaded.
"""

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from methods.base import Method
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.pretrained import InputOptions, PretrainedEncoder, require
from methods.registry import register
from plugins import first_line

PREPROCESSOR = "preprocessor_config.json"
PROCESSOR = "processor_config.json"  # of models of images and text, with the former inside
NOT_ARCHITECTURE = ("architectures", "auto_map", "dtype", "torch_dtype", "transformers_version", "_name_or_path")
INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}  # PIL's numbers


@dataclass(frozen=True)
class HuggingFaceOptions(InputOptions):
    """See `InputOptions`."""

    config: dict[str, Any] | None = field(
        default=None, metadata={"help": "the network, from config.json; set by fabbench import"}
    )


@register("transformers", version=1)
class HuggingFaceModel(Method):
    """A vision model of transformers as a frozen encoder."""

    kind = "pretrained"
    trained = False
    summary = "a Hugging Face model's folder (fabbench import FOLDER): Dinov2, ViT, CLIP's image tower, ..."
    Options = HuggingFaceOptions

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = HuggingFaceEncoder(self.options)


class HuggingFaceEncoder(PretrainedEncoder):
    """The network that ``config`` describes; its outputs have the names that transformers gives them."""

    def __init__(self, options: HuggingFaceOptions):
        super().__init__(options)
        require("transformers", "hf")
        if not isinstance(options.config, Mapping):
            raise MethodError("transformers: no network is known; fabbench import FOLDER makes a row of a model")
        from transformers import AutoConfig, AutoModel

        values = dict(options.config)
        try:
            config = AutoConfig.for_model(values.pop("model_type"), **values)
            self.model = AutoModel.from_config(config, trust_remote_code=False)  # type: ignore[no-untyped-call]
        except Exception as error:  # whatever a configuration of another version causes
            raise MethodError(f"transformers cannot build this network: {first_line(error)}") from error

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """All tensors that the network returns."""
        try:
            returned = self.model(pixel_values=images)
        except ValueError as error:  # images of a size that it does not take
            raise MethodError(first_line(error)) from error
        return {name: value for name, value in returned.items() if isinstance(value, Tensor)}


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Options that a model's folder tells, and the state of its method.

    Of a model of images and text, the image tower is taken. A pooling layer whose weights are not in the file would be
    random: it is set to zero, and the class token is read instead.

    Raises:
        MethodError: the folder holds no complete model of the installed transformers as safetensors.
    """
    require("transformers", "hf")
    from transformers import AutoConfig, AutoModel

    with _quiet():
        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            config = getattr(config, "vision_config", config)
            model, loaded = AutoModel.from_pretrained(
                folder,
                config=config,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
                dtype=torch.float32,
            )
        except Exception as error:  # OSError, ValueError, SafetensorError and others
            raise MethodError(f"transformers cannot read it: {first_line(error)}") from error
    missing = sorted(loaded["missing_keys"])
    if missing and not all("pooler" in name for name in missing):
        raise MethodError(f"its weights are incomplete: {missing[0]} is missing, and {len(missing) - 1} others")
    if loaded["mismatched_keys"]:
        raise MethodError(f"its weights do not fit its config.json: {sorted(map(str, loaded['mismatched_keys']))[0]}")
    state = dict(model.state_dict())
    state |= {name: torch.zeros_like(state[name]) for name in missing}
    values = json.loads(config.to_json_string(use_diff=True)) | {"model_type": config.model_type}
    options = {
        **_input_options(folder, config),
        **({"output": "last_hidden_state"} if missing else {}),
        "config": {name: value for name, value in values.items() if name not in NOT_ARCHITECTURE},
    }
    return options, {f"encoder.model.{name}": value for name, value in state.items()}


def _input_options(folder: Path, config: Any) -> dict[str, Any]:
    """Size, normalisation and interpolation, as far as the folder tells them."""
    told = _processor(folder) or {}
    crop = _side(told.get("crop_size")) if told.get("do_center_crop") else None
    size = crop or _side(told.get("size")) or getattr(config, "image_size", None)
    options: dict[str, Any] = {"size": size} if isinstance(size, int) else {}
    if not told:
        return options
    factor = 255 * told.get("rescale_factor", 1 / 255) if told.get("do_rescale", True) else 255.0
    mean, std = (told.get("image_mean"), told.get("image_std")) if told.get("do_normalize", True) else (0.0, 1.0)
    if mean is not None and std is not None:
        as_list = {"mean": mean, "std": std}
        scaled = {
            name: [each / factor for each in value] if isinstance(value, list) else value / factor
            for name, value in as_list.items()
        }
        options |= as_list if abs(factor - 1) < 1e-6 else scaled
    if told.get("resample") in INTERPOLATIONS:
        options["interpolation"] = INTERPOLATIONS[told["resample"]]
    return options


def _processor(folder: Path) -> dict[str, Any] | None:
    """How the folder says that images are prepared."""
    for name in (PREPROCESSOR, PROCESSOR):
        if (folder / name).is_file():
            try:
                told = json.loads((folder / name).read_text())
                return dict(told.get("image_processor", told))
            except (ValueError, TypeError, AttributeError) as error:
                raise MethodError(f"{name} cannot be read: {first_line(error)}") from error
    return None


def _side(size: Any) -> int | None:
    """The side in one of the forms of the library: a number, height and width, or the shortest edge."""
    if isinstance(size, Mapping):
        size = size.get("height", size.get("shortest_edge"))
    return size if isinstance(size, int) else None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the bars and reports that transformers prints while it loads."""
    from transformers.utils import logging as library

    level, bars = library.get_verbosity(), library.is_progress_bar_enabled()
    library.set_verbosity(logging.CRITICAL)
    library.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        library.set_verbosity(level)
        if bars:
            library.enable_progress_bar()  # type: ignore[no-untyped-call]
