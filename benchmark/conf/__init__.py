"""Configuration files: `config.yaml`, and a folder for each group."""
