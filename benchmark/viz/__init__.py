"""Figures: contact sheets, method samples and training curves."""
