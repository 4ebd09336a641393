"""Tables from the records of probed runs: cells, what tests show of them, captions, and formats.

`cells` groups records, `claims` tests them, `overview` is the first table and `full_tables` has every other;
`table` is one ready to be formatted by `formats` or `latex`.
"""
