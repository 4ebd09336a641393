"""Self-supervised methods for face embeddings, and the common encoder; depends on torch and kornia only.

A method is one file, here or anywhere else: a subclass of ``base.Method`` under ``@register("name", version=1)``.
``registry`` finds methods by name without importing torch. ``encoder`` and ``decoder`` are the networks that methods
share.
"""
