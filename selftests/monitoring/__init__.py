"""Monitoring: what arrives at receivers, and what does not."""
