"""Metrics, one file each; `probes.registry` finds them, `probes.scores` says which are computed for each kind."""
