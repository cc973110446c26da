"""Blocking primitives: mutex, readers-writer mutex, once, wait group."""
