"""The operations, and the claim for each."""

import itertools
import queue
from collections import deque

from calls import (
    all_there,
    copy_while_inserting,
    dict_pop,
    down,
    extend_in_one_piece,
    insert,
    once_each,
    setdefault,
    sort_seen,
    store_and_read,
    together,
)
from steps import (
    attribute_add,
    call_between,
    check_then_act,
    flag_once,
    get_and_set,
    global_add,
    item_add,
    iterate_and_insert,
    key_add,
    memoised,
    shared_generator,
    swap,
)

ALWAYS, GIL, NEVER = "atomic", "with the GIL, by accident", "not atomic"


# {code: (operation, claim)}
OPERATIONS = {
    "o.n += 1": (attribute_add, GIL),
    "n += 1 (global)": (global_add, GIL),
    "l[0] += 1": (item_add, GIL),
    "d[k] += 1": (key_add, GIL),
    "d[k] = d.get(k, 0) + 1": (get_and_set, NEVER),
    "l[0], l[1] = l[1], l[0]": (swap, GIL),
    "o.n = f(o.n)": (call_between, NEVER),
    "if k not in d: d[k] = f()": (check_then_act, NEVER),
    "if not o.taken: o.taken = f()": (flag_once, NEVER),
    "for k in d, while another thread inserts": (iterate_and_insert, NEVER),
    "next(generator)": (shared_generator, NEVER),
    "one call of a @functools.cache function for each key": (memoised, NEVER),
    "next(list_iterator), each element once": (once_each(lambda n: iter(range(n)), next), GIL),
    "len(l), while another thread sorts": (sort_seen, GIL),
    "o.n = v, read by others": (store_and_read, ALWAYS),
    "l.append(x)": (all_there(list, list.append), ALWAYS),
    "l.insert(0, x)": (all_there(list, insert), ALWAYS),
    "l.extend((x, x)), in one piece": (extend_in_one_piece, ALWAYS),
    "l.pop(), each element once": (once_each(down, list.pop), ALWAYS),
    "d[k] = v": (all_there(dict, lambda target, x: target.__setitem__(x, x)), ALWAYS),
    "d.setdefault(k, v), one value for all": (setdefault, ALWAYS),
    "d.pop(k), each key once": (dict_pop, ALWAYS),
    "d.popitem(), each item once": (once_each(lambda n: dict.fromkeys(range(n)), dict.popitem), ALWAYS),
    "d.update(other), seen by d.copy()": (together(dict.update, dict.copy), ALWAYS),
    "list(d), while another thread inserts": (copy_while_inserting, ALWAYS),
    "s.add(x)": (all_there(set, set.add), ALWAYS),
    "s.pop(), each element once": (once_each(lambda n: set(range(n)), set.pop), ALWAYS),
    "deque.append(x)": (all_there(deque, deque.append), ALWAYS),
    "deque.popleft(), each element once": (once_each(lambda n: deque(range(n)), deque.popleft), ALWAYS),
    "SimpleQueue.put(x)": (all_there(queue.SimpleQueue, queue.SimpleQueue.put, queue.SimpleQueue.qsize), ALWAYS),
    "next(itertools.count())": (once_each(lambda n: itertools.count(), next), ALWAYS),
}
