"""A real Slurm cluster on one machine, for tests and for work on `slurm`. See README.md."""
