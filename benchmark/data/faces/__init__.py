"""Labelled sets: how they are built from raw faces, stored and summarised."""
