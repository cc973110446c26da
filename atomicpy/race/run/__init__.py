"""One run of a program under the detector: how the program runs, and the session that collects its races."""
