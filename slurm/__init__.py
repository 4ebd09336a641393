"""Runs a graph of jobs: in this process, as worker processes of this machine, or as job arrays on a Slurm cluster.

Read `graph` first; then `launch` and `local`, which run a graph here to its end, and `submission`, which puts one into
Slurm's queue and returns: `arrays` decides which job becomes which member of which array, `script` writes the batch
scripts, `worker` is what they start, `stop` how a job leaves in good order, `ledger` how later commands find it again.
"""
