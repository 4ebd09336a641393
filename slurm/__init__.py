"""Runs stages as jobs: in this process, or as worker processes of this machine."""
