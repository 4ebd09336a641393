"""`fabbench methods`: what rows a benchmark can have."""

from typing import Any

from benchmark.config.load import imported
from benchmark.config.schema import Config, VariantConfig
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.registry import MethodInfo, describe, get, outline


def listing(config: Config) -> list[str]:
    """Methods with paper, kind, frames, parameters and options; variants; imported weights. A line each."""
    methods = describe()
    spec = EncoderSpec(size=config.data.size, width=config.encoder.width, dim=config.encoder.dim)
    lines = [f"methods (parameters at data.size={spec.size} encoder.width={spec.width} encoder.dim={spec.dim}):"]
    for info in methods:
        lines += _method(info, spec)
    names = {info.name for info in methods}
    variants = {name: variant for name, variant in config.variants.items() if name not in names}
    lines += ["variants:", *(f"  {name:<22} {_variant(variant)}" for name, variant in sorted(variants.items()))]
    weights = imported(config.imported)
    lines.append(f"imported weights ({config.imported}):")
    lines += [f"  {name:<22} {variant.weights}" for name, variant in weights.items()] or ["  none; see fabbench import"]
    return lines


def _method(info: MethodInfo, spec: EncoderSpec) -> list[str]:
    where = info.paper or info.origin
    frames = f"{info.frames} frame{'s' * (info.frames != 1)}"
    lines = [
        f"  {info.name:<14} {info.kind:<10} {frames:<9} {_parameters(info.name, spec):>9}  {info.summary}  [{where}]",
    ]
    return lines + [
        f"      variants.{info.name}.options.{option.name}={_written(option.default)}  ({option.type})  {option.help}"
        for option in info.options
    ]


def _parameters(name: str, spec: EncoderSpec) -> str:
    try:
        built = outline(get(name), spec, {})
    except MethodError:  # split-brain, for one, needs an even width
        return "-"
    return f"{sum(weight.numel() for weight in built.parameters()) / 1e6:.2f} M"


def _variant(variant: VariantConfig) -> str:
    """A variant as the settings that make it."""
    settings: dict[str, Any] = {
        **{f"options.{key}": value for key, value in variant.options.items()},
        **{f"train.{key}": value for key, value in variant.train.items()},
        **{key: value for key in ("init_from", "weights") if (value := getattr(variant, key))},
    }
    return " ".join([variant.method, *(f"{key}={_written(value)}" for key, value in settings.items())])


def _written(value: Any) -> str:
    """A value as one types it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
