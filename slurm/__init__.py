"""Executes a graph of jobs: in this process, in worker processes of this machine, or as job arrays on a Slurm cluster.

Start with `graph`, which defines a job. `launch` and `local` run a graph on this machine until every job has ended.
`submission` puts a graph into Slurm's queue and returns: `arrays` arranges jobs into job arrays, `script` writes the
batch scripts, `worker` is the program they start, `signals` lets a job save itself and leave, and `ledger` records
submissions for later commands. The package knows nothing of the benchmark.
"""
