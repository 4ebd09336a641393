"""A real Slurm on one machine, for tests and for those who work on this package: see README.md here."""
