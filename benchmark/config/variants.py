"""Rows of a benchmark: the method, options and initial or given weights of each, checked by building it once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open

from benchmark.config.base import Count
from benchmark.config.schema import (
    SHIFT,
    AugmentConfig,
    Config,
    EncoderConfig,
    TrainConfig,
    VariantConfig,
    is_target,
    row_name,
)
from benchmark.errors import DataError, UsageError, first_line, suggestion
from benchmark.files import sha256
from benchmark.layout import CONFIG, WEIGHTS

if TYPE_CHECKING:
    from methods.base import Method
    from methods.encoder import EncoderSpec


@dataclass(frozen=True)
class Variant:
    """A row: a method with its options, encoder and training settings.

    Attributes:
        name: of the row.
        method: registered name, or path of the file that registers it.
        kind: the method's, or ``pretrained`` for given weights.
        options: of the method.
        encoder: the common encoder, with the width it has.
        size: side of the input, pixels.
        train: budget and optimiser.
        augment: random crops of its training frames.
        parent: the variant whose weights, of the same seed, are its initial weights.
        init_folder: the folder with its initial weights, if no variant gives them.
        weights: the folder with its weights, if it is not trained.
        frames: frames in a sample.
        shapes: shapes of the encoder's weights by name.
    """

    name: str
    method: str
    kind: str
    options: dict[str, Any]
    encoder: EncoderConfig
    size: int
    train: TrainConfig
    augment: AugmentConfig
    parent: str | None
    init_folder: Path | None
    weights: Path | None
    frames: int
    shapes: dict[str, tuple[int, ...]]

    @property
    def fixed(self) -> bool:
        """Whether it is the same for every seed."""
        from methods.registry import get

        method = get(self.method)
        return self.kind == "pretrained" or not (method.trained or method.needs_statistics)


@dataclass(frozen=True)
class WeightsDescription:
    """What weights belong to; a method with a network of its own has no common encoder, and takes any size."""

    method: str
    options: dict[str, Any]
    encoder: EncoderConfig | None
    size: Count | None
    trained_on: str | None = None  # of weights from elsewhere: what they have seen, for the tables


@dataclass(frozen=True)
class WeightsFolder:
    """A folder with a method's weights and their description: a run's folder, or one made by `fabbench import`."""

    path: Path

    @cached_property
    def description(self) -> WeightsDescription:
        """The method, options, encoder and size that the weights belong to.

        Raises:
            DataError: the folder or its description is missing or unreadable.
        """
        if not (self.path / CONFIG).is_file():
            raise DataError(f"{self.path} holds no {CONFIG}: give a finished run's folder, or one of fabbench import")
        try:
            content = yaml.safe_load((self.path / CONFIG).read_text())
            return TypeAdapter(WeightsDescription).validate_python(content)
        except ValidationError as error:
            first = error.errors()[0]
            problem = " ".join([".".join(str(part) for part in first["loc"]), first["msg"]]).strip()
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            problem = first_line(error)
        raise DataError(f"{self.path / CONFIG} does not describe the weights: {problem}")

    @property
    def trained_on(self) -> str:
        """What the weights have seen, one of `methods.pretrained.TRAINED_ON`.

        Raises:
            DataError: as `description`.
        """
        from methods.pretrained import PUBLISHED
        from methods.registry import get

        about = self.description
        default = "faces without labels" if get(about.method).kind == "method" else "unknown"
        return about.trained_on or PUBLISHED.get(about.method, default)

    @property
    def encoder_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the encoder's weights by name, read without loading them.

        Raises:
            DataError: the file is missing, truncated or not safetensors.
        """
        if not (self.path / WEIGHTS).is_file():
            raise DataError(f"{self.path} holds no {WEIGHTS}: give a finished run's folder, or one of fabbench import")
        try:
            with safe_open(self.path / WEIGHTS, "pt") as file:
                names = [name for name in file.keys() if name.startswith("encoder.")]  # noqa: SIM118
                return {name: tuple(file.get_slice(name).get_shape()) for name in names}
        except (SafetensorError, OSError) as error:
            raise DataError(f"{self.path / WEIGHTS} cannot be read: {first_line(error)}") from error

    @property
    def hash(self) -> str:
        """SHA-256 of the weights."""
        return sha256(self.path / WEIGHTS)


def resolve(config: Config) -> dict[str, Variant]:
    """The variants that a benchmark trains, by row name: its rows, and those that give rows their initial weights.

    Each comes after the variant it takes its initial weights from.

    Raises:
        UsageError: an unknown method or option, an encoder that a method cannot be built with, or initial weights that
            are unknown, circular, of another encoder, or missing where the method needs them.
        DataError: a folder of weights that is missing or broken.
    """
    variants: dict[str, Variant] = {}

    def visit(name: str, children: tuple[str, ...]) -> Variant:
        if name in children:
            circle = [*children[children.index(name) :], name]
            raise UsageError(f"init_from goes in a circle: {' -> '.join(circle)}")
        row = row_name(name)
        if row not in variants:
            settings = config.variants.get(name) or VariantConfig(
                method=name, train=config.train, augment=config.augment
            )
            parent_name = _parent_name(config, settings)
            parent = visit(parent_name, (*children, name)) if parent_name else None
            variants[row] = _variant(config, name, settings, parent)
        return variants[row]

    _check_methods(config)
    for name in config.methods:
        visit(name, ())
    return variants


def _check_methods(config: Config) -> None:
    """Refuses variants of methods that do not exist, used or not: a variant's name may be misspelt.

    Raises:
        UsageError: there is such a variant.
    """
    from methods.registry import names

    known = names()
    for name, variant in config.variants.items():
        if variant.weights is None and variant.method not in known and not is_target(variant.method):
            key = f"variants.{name}" if name not in config.methods else "methods"
            raise UsageError(f"{key}: unknown method {variant.method!r}{suggestion(variant.method, known)}")


def _parent_name(config: Config, settings: VariantConfig) -> str | None:
    """The variant that ``init_from`` names; None if it names a folder or nothing.

    Raises:
        UsageError: it names neither.
    """
    from methods.registry import names

    name = settings.init_from
    if name is None or Path(name).is_dir():
        return None
    known = {*config.variants, *names()}
    if name in known or is_target(name):
        return name
    raise UsageError(f"init_from={name} is neither a variant nor a folder{suggestion(name, known)}")


def _variant(config: Config, name: str, settings: VariantConfig, parent: Variant | None) -> Variant:
    if settings.weights is not None:
        return _pretrained(config, name, settings)
    method = _build(settings.method, settings.options, config.encoder, config.data.size)
    variant = Variant(
        name=row_name(name),
        method=settings.method,
        kind=method.kind,
        options=settings.options,
        encoder=_complete(config.encoder, config.data.size),
        size=config.data.size,
        train=settings.train,
        augment=settings.augment,
        parent=parent.name if parent else None,
        init_folder=Path(settings.init_from) if settings.init_from and not parent else None,
        weights=None,
        frames=method.frames,
        shapes=_encoder_shapes(method),
    )
    _check_initial_weights(variant, method, parent)
    if variant.kind == "ceiling" and variant.augment.flip:
        raise UsageError(
            f"{variant.name}: augment.flip mirrors images but not their labels; set it for other rows alone"
        )
    least = 100 // SHIFT  # in a smaller batch, a shift of the curriculum's window moves past no sample
    if variant.train.curriculum and variant.train.batch_size < least:
        raise UsageError(
            f"{variant.name}: train.batch_size={variant.train.batch_size} is too small for the curriculum, which ranks "
            f"the samples of a batch by tenths; make it {least} or more"
        )
    return variant


def _pretrained(config: Config, name: str, settings: VariantConfig) -> Variant:
    if settings.init_from or settings.train != config.train or settings.augment != config.augment:
        raise UsageError(
            f"variants.{name}: weights makes a row that is not trained; leave out init_from, train and augment"
        )
    folder = WeightsFolder(Path(str(settings.weights)))
    method_name = settings.method if settings.method not in ("", name) else folder.description.method
    options = {**folder.description.options, **settings.options}
    encoder, size = folder.description.encoder or config.encoder, folder.description.size or config.data.size
    method = _build(method_name, options, encoder, size, tried=True)
    if method.kind not in ("method", "pretrained"):
        raise UsageError(f"variants.{name}: weights of a {method.kind} ({method_name}) make no pretrained row")
    shapes = _encoder_shapes(method)
    _check_same_encoder(f"{name} ({method_name})", shapes, str(folder.path), folder.encoder_shapes)
    return Variant(
        name=row_name(name),
        method=method_name,
        kind="pretrained",
        options=options,
        encoder=_complete(encoder, size),
        size=size,
        train=config.train,
        augment=config.augment,
        parent=None,
        init_folder=None,
        weights=folder.path,
        frames=method.frames,
        shapes=shapes,
    )


def _build(
    name: str, options: Mapping[str, Any], encoder: EncoderConfig, size: int, *, tried: bool = False
) -> "Method":
    """An instance without weights, to read its attributes and shapes; the method is tried on two samples.

    One whose weights exist has been ``tried``; without them it may compute nothing.
    """
    from methods.errors import MethodError
    from methods.registry import get, outline, try_out

    spec = encoder_spec(encoder, size)
    try:
        method = outline(get(name), spec, options)
        if not tried:
            try_out(get(name), spec, options)
        return method
    except MethodError as error:
        raise UsageError(str(error)) from error


@cache
def encoder_spec(encoder: EncoderConfig, size: int) -> "EncoderSpec":
    """The encoder with its dimensions, tried on two images.

    Raises:
        UsageError: there is no such encoder, or it does not have these dimensions.
    """
    from methods.encoder import EncoderSpec
    from methods.encoders import check_encoder, get_encoder
    from methods.errors import MethodError

    try:
        width = encoder.width or get_encoder(encoder.name).width
        spec = EncoderSpec(size=size, width=width, dim=encoder.dim, name=encoder.name)
        check_encoder(spec)
    except MethodError as error:
        raise UsageError(f"data.size={size} encoder.name={encoder.name}: {error}") from error
    return spec


def _complete(encoder: EncoderConfig, size: int) -> EncoderConfig:
    """The encoder with the width it has where none is set."""
    return replace(encoder, width=encoder_spec(encoder, size).width)


def _encoder_shapes(method: "Method") -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in method.state_dict().items() if name.startswith("encoder.")}


def _check_initial_weights(variant: Variant, method: "Method", parent: Variant | None) -> None:
    """Refuses a method without the weights it needs, and initial weights of another encoder."""
    if method.kind == "pretrained":
        raise UsageError(f"{variant.name} needs weights: fabbench import FILE, or variants.{variant.name}.weights=DIR")
    if parent is None and variant.init_folder is None:
        if method.needs_initial_weights:
            raise UsageError(
                f"{variant.name}: {variant.method} with options {variant.options} refines a trained model; name one: "
                f"variants.{variant.name}.init_from=VARIANT, or a run's folder"
            )
        return
    if variant.kind != "method":
        raise UsageError(f"{variant.name} is a {variant.kind} and takes no init_from")
    if parent is not None:
        if parent.kind == "ceiling":
            raise UsageError(f"{variant.name}: init_from={parent.name} is trained once a task; name a method")
        _check_same_encoder(variant.name, variant.shapes, parent.name, parent.shapes)
    else:
        folder = WeightsFolder(Path(str(variant.init_folder)))
        origin = f"{folder.path} ({folder.description.method})"
        _check_same_encoder(variant.name, variant.shapes, origin, folder.encoder_shapes)


def _check_same_encoder(
    name: str, shapes: Mapping[str, tuple[int, ...]], other_name: str, other_shapes: Mapping[str, tuple[int, ...]]
) -> None:
    for key in sorted({*shapes, *other_shapes}):
        shape, other_shape = shapes.get(key, "absent"), other_shapes.get(key, "absent")
        if shape != other_shape:
            raise UsageError(f"{name} has another encoder than {other_name}: {key} is {shape} and {other_shape}")
