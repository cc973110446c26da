"""The data-race detector."""
