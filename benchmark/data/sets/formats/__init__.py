"""Annotation file formats: .pts and .mat."""
