"""Taskwell beside its peers, on one machine: `scripts/bench`."""
