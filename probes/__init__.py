"""From features and targets to heads, metrics and tables: no images, no encoders.

Read `probe` (the one entry), then `linear` (the paper's head), `coding` (targets as training numbers) and
`metrics`; from what `probe` returns, `cells`, `tables` and `formats` make the tables without torch.
"""
