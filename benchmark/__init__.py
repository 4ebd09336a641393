"""fab-bench: command line, configuration, pipeline, data and training loop."""

__version__ = "0.1.0"
