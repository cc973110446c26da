"""One run of a program under the detector: the program, the session."""
