"""The exception of this package."""

from plugins import PluginError


class ProbeError(PluginError):
    """Invalid features or targets, or a head or metric that is unknown or invalid; the message is one line."""
