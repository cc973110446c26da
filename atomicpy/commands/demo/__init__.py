"""The demo: threads that lose updates of a shared counter, and the counters that lose none.

`python -m atomicpy demo` runs it: many threads add to one counter, and the demo compares the sum with the number of
increments. Each file has one subject:

- `counters`: the counters, one row of a table each; `native` has the same loops in C;
- `threads`: the threads, which increment one counter after the other; `rounds`: one counter and its result;
  `stop`: Ctrl-C;
- `explain`: one lost update, step by step. `recorded_counters` and `recorder` record the steps of each thread,
  `lost_update` finds two increments that overlap;
- `report`: the text, the table, JSON; `cli`: the arguments.
"""
