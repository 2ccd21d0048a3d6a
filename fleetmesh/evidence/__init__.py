"""The record of a run on the disk: written as it happens, read back, sealed."""
