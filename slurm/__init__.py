"""Executes a graph of jobs: in this process, in worker processes of this machine, or as job arrays on a Slurm cluster.

Start with `graph`, which defines a job. `launch` and `local` run a graph on this machine until every job has ended.
`submission` puts a graph into Slurm's queue and returns: `arrays` arranges jobs into job arrays, `executor` submits
them, and `ledger` records the submissions for later commands. Both ways go through submitit's executors, which start
a `member`; `signals` lets it save its state and leave. The package knows nothing of the benchmark.
"""
