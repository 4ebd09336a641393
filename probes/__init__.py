"""From features and targets to heads, metrics and tables: no images, no encoders."""
