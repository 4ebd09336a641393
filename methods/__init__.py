"""Self-supervised objectives over tracks, and the common encoder: torch and kornia only."""
