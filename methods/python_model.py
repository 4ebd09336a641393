"""An encoder that is a class in the user's own module or file: a `torch.nn.Module` that maps images to embeddings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import getsourcefile
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from methods.base import Method
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.pretrained import InputOptions, PretrainedEncoder
from methods.registry import register
from plugins import PluginError, code_hash, first_line, load_object, split_target


@dataclass(frozen=True)
class PythonOptions(InputOptions):
    """See `InputOptions`."""

    target: str = field(default="", metadata={"help": "FILE.py:CLASS or MODULE:CLASS, set by fabbench import"})
    code: str = field(default="", metadata={"help": "SHA-256 of its code, set by fabbench import"})
    arguments: dict[str, Any] | None = field(
        default=None, metadata={"help": "of the class, by name, such as {width: 64}"}
    )


@register("python", version=1)
class PythonModel(Method):
    """A module of the user's as a frozen encoder."""

    kind = "pretrained"
    trained = False
    summary = "a torch.nn.Module of yours with its weights (fabbench import FILE.py:CLASS --weights FILE)"
    Options = PythonOptions

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = PythonEncoder(self.options)


class PythonEncoder(PretrainedEncoder):
    """An instance of the class; it returns a tensor, or several by name or position."""

    def __init__(self, options: PythonOptions):
        super().__init__(options)
        if not options.target:
            raise MethodError("python: no class is named; fabbench import FILE.py:CLASS makes a row of one")
        if options.code != code_of(options.target):
            raise MethodError(f"{options.target} has changed since it was imported; import it again")
        self.model = build(options.target, options.arguments)

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """What the module returns, by name; by position, from 0, where it has no names."""
        return named(self.model(images))


def named(returned: Any) -> dict[str, Tensor]:
    """The tensors among what a network returned, by name or position."""
    if isinstance(returned, Tensor):
        returned = [returned]
    items = returned.items() if isinstance(returned, Mapping) else enumerate(returned)
    return {str(name): value for name, value in items if isinstance(value, Tensor)}


def build(target: str, arguments: Any) -> nn.Module:
    """An instance of the class, with its initial weights.

    Raises:
        MethodError: there is no such class, or it cannot be built with these arguments.
    """
    try:
        cls = load_object(target)
    except PluginError as error:
        raise MethodError(str(error)) from error
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        raise MethodError(f"{target} is no class of torch.nn.Module; name one: FILE.py:CLASS or MODULE:CLASS")
    if arguments is not None and not isinstance(arguments, Mapping):
        raise MethodError(f"option arguments={arguments} must be by name, such as {{width: 64}}")
    try:
        return cls(**(arguments or {}))
    except Exception as error:  # whatever a user's class raises
        raise MethodError(f"{target} cannot be built: {first_line(error)}") from error


def code_of(target: str) -> str:
    """SHA-256 of the file that defines the class, and of those that it imports from its own folder.

    Raises:
        MethodError: there is no such file.
    """
    source, _ = split_target(target)
    try:
        file = source if isinstance(source, Path) else Path(getsourcefile(load_object(target)) or "")
        return code_hash(file)
    except PluginError as error:
        raise MethodError(str(error)) from error
    except TypeError as error:  # of an object that is no class
        raise MethodError(f"{target} is no class of torch.nn.Module") from error
