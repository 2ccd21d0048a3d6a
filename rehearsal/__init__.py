"""The embedded rehearsal fleet: three real machines on one Linux box."""
