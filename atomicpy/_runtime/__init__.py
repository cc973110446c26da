"""What every type stands on: arguments, deferred reference counts, fast calls, the C core."""
