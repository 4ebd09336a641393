"""Labelled faces: the stored set, and how it is built from raw images."""
