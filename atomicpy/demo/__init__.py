"""The demo: the lost update, and its cure."""
