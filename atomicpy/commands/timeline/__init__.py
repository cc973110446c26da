"""The time line: which thread ran on which core.

`python -m atomicpy timeline` shows it. Each file has one subject:

- `sampler`: when a thread ran and on which core, recorded in C in a buffer of the thread; `measure`: the threads;
- `interpreters`: a process with the GIL and one without it;
- `drawing`: the picture on the terminal; `chart`: the picture in a file; `cli`: the arguments.
"""
