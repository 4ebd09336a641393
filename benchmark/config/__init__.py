"""Configuration: the schema, loading and validation, and the rows it describes."""
