"""A labelled set of one's own, from CSV files and a folder of images."""
