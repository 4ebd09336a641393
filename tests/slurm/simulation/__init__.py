"""A simulated Slurm cluster, and schedules of failures that hypothesis draws and shrinks.

`cluster` answers the commands of Slurm on a virtual clock. `process` runs a job's own callable in this process, through
submitit. `command` runs a launching command that can be killed between any two of its calls and file operations. `jobs`
is a small benchmark, `machine` draws schedules of it, and `test_examples` keeps those that once broke it.
"""
