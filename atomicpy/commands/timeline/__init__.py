"""The time line: threads at work, and the core that each ran on.

`python -m atomicpy timeline` shows it; each file here has one subject:

- `sampler`: when a thread ran and on which core, noted in C in a buffer of the thread; `measure`: the threads;
- `interpreters`: a process with the GIL and one without it;
- `drawing`: the picture on the terminal; `chart`: the one in a file; `cli`: the arguments.
"""
