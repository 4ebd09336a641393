"""Pre-training data: sources of raw tracks and the packed track store."""
