"""Probes: fit heads on frozen features, score them, and build tables from the scores. No images, no encoders.

Read `probe` (the entry point), then `linear` (the paper's head), `coding` (targets as training values) and `metrics`;
`cells`, `tables` and `formats` turn the records that `probe` returns into tables, without torch.
"""
