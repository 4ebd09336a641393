"""fab-bench: command line, configuration, pipeline, data and training loop.

The names in ``__all__`` are its interface in Python, `benchmark.api`. They are imported when they are first used, so
that `import benchmark` stays fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.api import (
        Encoder,
        FabbenchError,
        Summary,
        build_labelled_set,
        load_encoder,
        pack_tracks,
        read_cells,
        run,
    )

__version__ = "0.2.0.dev0"  # the only place that states the version

__all__ = [
    "Encoder",
    "FabbenchError",
    "Summary",
    "__version__",
    "build_labelled_set",
    "load_encoder",
    "pack_tracks",
    "read_cells",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("benchmark.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
