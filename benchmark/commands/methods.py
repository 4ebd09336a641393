"""`fabbench methods`: list methods with their options, variants, and imported weights."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from benchmark.errors import UsageError

if TYPE_CHECKING:
    from benchmark.config.schema import Config, VariantConfig
    from methods.encoder import EncoderSpec
    from methods.registry import MethodInfo

NAME = "methods"
SUMMARY = "list the methods with their options, the variants, and imported weights"
EXAMPLES = """
  fabbench methods
  fabbench methods data.size=256 encoder.width=32   parameters at the papers' size
  fabbench methods ./mine.py --check                whether your own keeps the contract of methods
"""
WORDS = "[METHOD ...]"
SETTINGS = ("data.size", "encoder", "variants", "imported")
FOR_LAUNCHED = False


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="put methods through the contract: shapes, gradients, ...")


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.config.load import imported
    from benchmark.config.variants import encoder_spec
    from methods.registry import describe

    spec = encoder_spec(config.encoder, config.data.size)
    if arguments.check:
        return _check(arguments.words, config, spec)
    if arguments.words:
        words = " ".join(arguments.words)
        raise UsageError(f"fabbench methods lists all; `fabbench methods {words} --check` tries what is named")
    print(f"methods (parameters at data.size={spec.size} encoder.width={spec.width} encoder.dim={spec.dim}):")
    methods = describe()
    for info in methods:
        print("\n".join(_describe_method(info, spec)))
    print("variants:")
    names = {info.name for info in methods}
    for name, variant in sorted(config.variants.items()):
        if name not in names:
            print(f"  {name:<22} {_describe_variant(variant, config)}")
    print(f"imported weights ({config.imported}):")
    weights = imported(config)
    for name, variant in weights.items():
        print(f"  {name:<22} {variant.weights}")
    if not weights:
        print("  none; see fabbench import")
    return 0


def _check(targets: list[str], config: "Config", spec: "EncoderSpec") -> int:
    """Puts methods through the contract, a line for each check; returns the exit code."""
    from methods.contract import Subject, broken
    from methods.errors import MethodError
    from methods.registry import get, outline

    if not targets:
        raise UsageError("--check needs a method: a name, FILE.py, FILE.py:NAME or MODULE:CLASS")
    failures = 0
    for target in targets:
        variant = config.variants.get(target)
        options = variant.options if variant else {}
        try:
            method = get(variant.method if variant else target)
            outline(method, spec, options)
        except MethodError as error:
            raise UsageError(str(error)) from error
        print(f"{target} ({method.name}, version {method.version}):")
        for check, problem in broken(Subject(method, options, spec)):
            failures += problem is not None
            print(f"  {'FAILED' if problem else 'ok':<7} {check}" + (f": {problem}" if problem else ""))
    return 1 if failures else 0


def _describe_method(info: "MethodInfo", spec: "EncoderSpec") -> list[str]:
    """Name, kind, frames of a sample, parameters, summary and source in a line; then a line for each option.

    Options of encoders from elsewhere are those of `fabbench import`, and not listed.
    """
    from methods.pretrained import InputOptions
    from methods.registry import get

    listed = [] if issubclass(get(info.name).Options, InputOptions) else info.options
    frames = f"{info.frames} frame{'' if info.frames == 1 else 's'}"
    parameters = _parameters(info.name, spec)
    source = info.paper or info.origin
    return [
        f"  {info.name:<14} {info.kind:<10} {frames:<9} {parameters:>9}  {info.summary}  [{source}]",
        *(
            f"      variants.{info.name}.options.{option.name}={_typed(option.default)}  ({option.type})  {option.help}"
            for option in listed
        ),
    ]


def _parameters(name: str, spec: "EncoderSpec") -> str:
    """Parameters of a method in millions, or a dash where it cannot be built with this encoder."""
    from methods.errors import MethodError
    from methods.registry import get, outline

    try:
        method = outline(get(name), spec, {})
    except MethodError:  # split-brain needs an even width
        return "-"
    return f"{sum(weight.numel() for weight in method.parameters()) / 1e6:.2f} M"


def _describe_variant(variant: "VariantConfig", config: "Config") -> str:
    """A variant as its method and the settings that make it."""
    from benchmark.config.load import differences

    settings: dict[str, Any] = {f"options.{key}": value for key, value in variant.options.items()}
    settings |= {f"train.{key}": value for key, value in differences(variant.train, config.train).items()}
    settings |= {f"augment.{key}": value for key, value in differences(variant.augment, config.augment).items()}
    settings |= {key: value for key in ("init_from", "weights") if (value := getattr(variant, key))}
    return " ".join([variant.method, *(f"{key}={_typed(value)}" for key, value in settings.items())])


def _typed(value: Any) -> str:
    """A value as it is typed on the command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)
