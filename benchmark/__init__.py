"""fab-bench: command line, configuration, pipeline, data and training loop."""

__version__ = "0.2.0.dev0"  # the only place that states the version
