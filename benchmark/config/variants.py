"""The rows of a benchmark resolved: what each is built from, and whose weights it starts from or consists of."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from safetensors import SafetensorError, safe_open

from benchmark.config.schema import SHIFT, Config, EncoderConfig, TrainConfig, VariantConfig, row_name
from benchmark.errors import DataError, UsageError, first_line, suggestion
from benchmark.files import sha256
from benchmark.layout import CONFIG, WEIGHTS

if TYPE_CHECKING:
    from methods.base import Method


@dataclass(frozen=True)
class Variant:
    """A method with all that is fixed of it, built once to see what it is."""

    name: str
    method: str  # registered name, or path of the file that registers it
    kind: str  # of the row; `pretrained` where the weights are given, whatever the method's own
    options: dict[str, Any]
    encoder: EncoderConfig
    size: int  # side of its input, pixels
    train: TrainConfig
    parent: str | None  # the variant whose weights of the same seed it starts from
    start: Path | None  # or the folder whose weights it starts from
    weights: Path | None  # the folder whose weights it consists of
    frames: int  # of a sample
    shapes: dict[str, tuple[int, ...]]  # of its encoder's weights

    @property
    def fixed(self) -> bool:
        """Whether nothing random enters it, so that one seed says all."""
        from methods.registry import get

        method = get(self.method)
        return self.kind == "pretrained" or not (method.trained or method.needs_statistics)


@dataclass(frozen=True)
class WeightsFolder:
    """A folder with a method's weights and what they are of: of a run, or made by `fabbench import`."""

    path: Path

    @cached_property
    def about(self) -> dict[str, Any]:
        """Method, options, encoder and size.

        Raises:
            DataError: the folder or its description is missing or unreadable.
        """
        if not (self.path / CONFIG).is_file():
            raise DataError(f"{self.path} holds no {CONFIG}: give a finished run's folder, or one of fabbench import")
        try:
            about = yaml.safe_load((self.path / CONFIG).read_text())
            return {key: about[key] for key in ("method", "options", "encoder", "size")}
        except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise DataError(
                f"{self.path / CONFIG} does not say what the weights are of: {first_line(error)}"
            ) from error

    @property
    def encoder(self) -> EncoderConfig | None:
        """The common encoder's width and dimension; None for a method with a network of its own."""
        values = self.about["encoder"]
        try:
            return EncoderConfig(**values) if values else None
        except (TypeError, ValueError) as error:
            raise DataError(f"{self.path / CONFIG}: encoder is {values!r}, not its width and dim") from error

    @property
    def encoder_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the encoder's weights.

        Raises:
            DataError: the file is missing, cut short or no safetensors.
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
        """Digest of the weights."""
        return sha256(self.path / WEIGHTS)


def resolve(config: Config) -> dict[str, Variant]:
    """Every row by name, and the variants that rows start from, each after those it needs.

    Raises:
        UsageError: an unknown method or option, an encoder no method can be built with, or a start that cannot be:
            unknown, in a circle, of another encoder, or missing where the method needs one.
        DataError: a folder of weights that is missing or broken.
    """
    found: dict[str, Variant] = {}

    def visit(name: str, trail: tuple[str, ...]) -> Variant:
        if name in trail:
            raise UsageError(f"init_from goes in a circle: {' -> '.join([*trail[trail.index(name) :], name])}")
        row = row_name(name)
        if row not in found:
            settings = config.variants.get(name) or VariantConfig(method=name, train=config.train)
            parent = settings.init_from if _names_variant(config, settings.init_from) else None
            origin = visit(str(parent), (*trail, name)) if parent else None
            found[row] = _variant(config, name, settings, origin)
        return found[row]

    for name in config.methods:
        visit(name, ())
    return found


def _names_variant(config: Config, start: str | None) -> bool:
    """Whether ``init_from`` names a variant rather than a folder.

    Raises:
        UsageError: it can be neither.
    """
    from methods.registry import names

    if start is None or Path(start).is_dir():
        return False
    known = {*config.variants, *names()}
    if start in known or start.endswith(".py"):
        return True
    raise UsageError(f"init_from={start} is neither a variant nor a folder{suggestion(start, known)}")


def _variant(config: Config, name: str, settings: VariantConfig, parent: Variant | None) -> Variant:
    if settings.weights is not None:
        return _pretrained(config, name, settings)
    method = _build(settings.method, settings.options, config.encoder, config.data.size)
    variant = Variant(
        name=row_name(name),
        method=settings.method,
        kind=method.kind,
        options=settings.options,
        encoder=config.encoder,
        size=config.data.size,
        train=settings.train,
        parent=parent.name if parent else None,
        start=Path(settings.init_from) if settings.init_from and not parent else None,
        weights=None,
        frames=method.frames,
        shapes=_encoder_shapes(method),
    )
    _check_start(variant, method, parent)
    least = 100 // SHIFT  # below, a shift of the curriculum's window moves past no sample
    if variant.train.curriculum and variant.train.batch_size < least:
        raise UsageError(
            f"{variant.name}: train.batch_size={variant.train.batch_size} is too small for the curriculum, which ranks "
            f"the samples of a batch by tenths; make it {least} or more"
        )
    return variant


def _pretrained(config: Config, name: str, settings: VariantConfig) -> Variant:
    if settings.init_from or settings.train != config.train:
        raise UsageError(f"variants.{name}: weights makes a row that is not trained; leave out init_from and train")
    folder = WeightsFolder(Path(str(settings.weights)))
    method_name = settings.method if settings.method not in ("", name) else folder.about["method"]
    options = {**folder.about["options"], **settings.options}
    encoder, size = folder.encoder or config.encoder, folder.about["size"] or config.data.size
    method = _build(method_name, options, encoder, size)
    if method.kind not in ("method", "pretrained"):
        raise UsageError(f"variants.{name}: weights of a {method.kind} ({method_name}) make no pretrained row")
    shapes = _encoder_shapes(method)
    _check_same_encoder(f"{name} ({method_name})", shapes, str(folder.path), folder.encoder_shapes)
    return Variant(
        name=row_name(name),
        method=method_name,
        kind="pretrained",
        options=options,
        encoder=encoder,
        size=size,
        train=config.train,
        parent=None,
        start=None,
        weights=folder.path,
        frames=method.frames,
        shapes=shapes,
    )


def _build(name: str, options: Mapping[str, Any], encoder: EncoderConfig, size: int) -> "Method":
    """One instance, to look at."""
    from methods.encoder import EncoderSpec
    from methods.errors import MethodError
    from methods.registry import get, outline

    try:
        return outline(get(name), EncoderSpec(size=size, width=encoder.width, dim=encoder.dim), options)
    except MethodError as error:
        raise UsageError(str(error)) from error


def _encoder_shapes(method: "Method") -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in method.state_dict().items() if name.startswith("encoder.")}


def _check_start(variant: Variant, method: "Method", parent: Variant | None) -> None:
    """Refuses a method without the weights it needs, and a start of another encoder."""
    if method.kind == "pretrained":
        raise UsageError(f"{variant.name} needs weights: fabbench import FILE, or variants.{variant.name}.weights=DIR")
    if parent is None and variant.start is None:
        if method.needs_start:
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
        folder = WeightsFolder(Path(str(variant.start)))
        _check_same_encoder(variant.name, variant.shapes, str(folder.path), folder.encoder_shapes)


def _check_same_encoder(
    name: str, own: Mapping[str, tuple[int, ...]], other_name: str, other: Mapping[str, tuple[int, ...]]
) -> None:
    if own == other:
        return
    differ = next(key for key in sorted({*own, *other}) if own.get(key) != other.get(key))
    raise UsageError(
        f"{name} has another encoder than {other_name}: {differ} is {own.get(differ, 'absent')} and "
        f"{other.get(differ, 'absent')}"
    )
