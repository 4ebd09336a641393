"""The exception of this package."""

from plugins import PluginError


class MethodError(PluginError):
    """A wrong method name, method file, option or encoder size; the message is one line with the remedy."""
