"""What every type stands on: arguments, blocking, deferred reference counts, fast calls, the C core."""
