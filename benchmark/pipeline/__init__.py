"""From a config to tables: the plan of a benchmark, its data, the stages of its runs, jobs, run folders, results."""
