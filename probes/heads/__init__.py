"""Heads, one file each; `probes.registry` finds them."""
