"""The detector's engine: what happened before what, and which accesses race."""
