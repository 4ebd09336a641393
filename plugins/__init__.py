"""Code that users bring: classes from files, modules and installed packages, found by name, loaded, and hashed.

A `Registry` holds one kind of plugin, for example methods. The package uses the standard library alone.
"""

from plugins.errors import PluginError, did_you_mean, first_line
from plugins.files import load_module, load_object, split_target
from plugins.registry import Registry
from plugins.sources import code_hash, source_files

__all__ = [
    "PluginError",
    "Registry",
    "code_hash",
    "did_you_mean",
    "first_line",
    "load_module",
    "load_object",
    "source_files",
    "split_target",
]
