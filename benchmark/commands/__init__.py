"""The commands of `fabbench`, one file each."""
