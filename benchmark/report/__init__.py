"""The report: one self-contained HTML page of a benchmark, from what its runs left on disk.

`source` reads; each file that defines a function `section` makes one section of `parts`; `page` puts them together.
Nothing is computed on images or by encoders, and torch is not imported.
"""
