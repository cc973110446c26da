"""Atomic values, one word each, and the counter that is sharded over threads."""
