"""The command line: the demo and the timeline. They use the package as any user does."""
