"""Maintainers' tools; not installed."""
