"""The pipeline: a benchmark's plan, the stages of a run, its folder, and the tables."""
