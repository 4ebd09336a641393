"""Self-supervised objectives over tracks, and the common encoder: torch and kornia only.

A method is one file of this package (or of yours): a ``Method`` under ``@register("name", version=1)``.
``registry`` finds them without importing torch; ``base`` is what they share; ``encoder`` and ``decoder``
are the networks common to all.
"""
