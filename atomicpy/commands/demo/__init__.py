"""The demo: the lost update, and its cure.

Many threads add to one counter, and the sum is compared with what they did. `python -m atomicpy demo` runs
it; each file here has one subject:

- `counters`: the counters and their loops, one entry of a table each; `native` has the same loops in C;
- `hammer`: the threads, and what lets them loose; `rounds`: what each does to a counter; `stop`: Ctrl-C;
- `explain`: one lost update, moment by moment; `recorded` and `recorder` note what the threads do, `moment` finds it;
- `report`: the words, the table, JSON; `progress`: the line on the terminal; `cli`: the arguments.
"""
