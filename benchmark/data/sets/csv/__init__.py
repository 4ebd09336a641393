"""Your own labelled set: CSV files and a folder of images."""

from benchmark.data.sets.csv.reader import VERSION, find, read

__all__ = ["VERSION", "find", "read"]
