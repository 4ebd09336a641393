"""Data sets behind two contracts: tracks for pre-training, labelled faces for probing."""
