"""The steps of `src/channel/` for the exhaustive search: send, receive, select, close, timeouts and looks for signals.

A step is what no other thread can split: an atomic operation, or what a thread does with the lock of a channel while it
touches nothing that is used without the lock. The wait for a lock is a step, and so is its release. Used without the
lock: `chosen` of a waiter, its wake-up, and what try_send and try_recv look at. channel_states.py has the state and the
checks.

A send or a receive is a select with one case. Channels are numbers, and the order of their addresses is that of the
numbers. fork() and failures of malloc() are not modelled.
"""

from channel_states import (
    CLOSED,
    WITHDRAWN,
    Local,
    Queued,
    check_invariants,
    dequeue,
    enqueue,
    first_live,
    is_live,
    note_chosen,
    note_received,
    note_returned,
    note_sent,
    touch,
)
from interleavings import BLOCKED, DONE
from mutex_steps import after_each


def thread(*operations, broken="", check=check_invariants):
    """A thread that does the operations. `broken`: a variant, named in the tests."""

    def is_broken(*variants):
        return broken in variants

    def local(s, me):
        return s["local", me]

    def change(s, me, **changes):
        s["local", me] = s["local", me]._replace(**changes)

    def operation(s, me):
        return operations[local(s, me).operation]

    def waiter(s, me):
        return me, local(s, me).operation

    def by_address(s, me):
        """The indices of the cases, in the order in which the thread locks their channels."""
        cases = operation(s, me).cases
        in_order = is_broken("a select locks in the order of its arguments")
        return sorted(range(len(cases)), key=lambda i: 0 if in_order else cases[i].channel)

    def locked(s, me):
        return list(dict.fromkeys(operation(s, me).cases[i].channel for i in by_address(s, me)))

    def unlock_all(s, me):
        for ch in range(len(s["capacities"])):
            if s["lock", ch] == me:
                s["lock", ch] = None

    def start(s, me):
        if local(s, me).operation == len(operations):
            return DONE
        s["memory"] |= {waiter(s, me)}
        doing = operation(s, me)
        if doing.closes is not None:
            return "close"
        if doing.tries:
            change(s, me, looking=doing.cases[0])
            return "look"
        return lock(s, me)

    def lock(s, me):
        ch = locked(s, me)[local(s, me).steps]
        if s["lock", ch] is not None:
            return BLOCKED
        s["lock", ch] = me
        change(s, me, steps=local(s, me).steps + 1)
        return "lock" if local(s, me).steps < len(locked(s, me)) else "pick"

    # ---- without the lock

    def look(s, me):
        """One load. If all agree, the operation would block."""
        case = local(s, me).looking
        full = len(s["buffer", case.channel]) >= s["capacities"][case.channel]
        loads = [
            ("count", full if case.value is not None else not s["buffer", case.channel]),
            ("queue", s["capacities"][case.channel] > 0 or not s[other_side(case)]),
            ("closed", not s["closed", case.channel]),
        ]
        if is_broken("looks at closed first"):
            loads.insert(0, loads.pop())
        step = local(s, me).steps
        if not loads[step][1]:
            change(s, me, steps=0, looking=None)
            return "lock"
        if step + 1 < len(loads):
            change(s, me, steps=step + 1)
            return "look"
        assert s["may block", me], "would block at no time"
        return finish(s, me)

    # ---- do a ready case, or enqueue all

    def other_side(case):
        return "senders" if case.value is None else "receivers", case.channel

    def own_side(case):
        return "receivers" if case.value is None else "senders", case.channel

    def first_other(s, case):
        """The first waiter that could do the other half of the case."""
        if case.value is not None and is_broken("a send ignores the receivers"):
            return None
        if s["buffer", case.channel] and is_broken("a receive leaves the sender of a full buffer"):
            return None
        return first_live(s, other_side(case))

    def is_ready(s, case):
        full = len(s["buffer", case.channel]) >= s["capacities"][case.channel]
        room = bool(s["buffer", case.channel]) if case.value is None else not full
        return room or s["closed", case.channel] or first_other(s, case) is not None

    def pick(s, me):
        cases = operation(s, me).cases
        ready = [i for i, case in enumerate(cases) if is_ready(s, case)]
        if ready:
            return [do(i) for i in ready]
        change(s, me, steps=0, index=None)
        if operation(s, me).tries:
            return "unlock"
        if is_broken("a select enqueues after the unlock"):
            unlock_all(s, me)
            return "enqueue"
        return enqueue_all(s, me)

    def enqueue_all(s, me):
        again = local(s, me).tickets
        s["chosen", me] = None
        if not again or is_broken("a waiter that comes back gets a new ticket"):
            first = s["tickets"]
            # Tickets only matter if a waiter comes back. Otherwise they would make states that differ in nothing.
            counts = any(s["local", other].looks for other in range(len(s["pc"]))) or operation(s, me).looks
            tickets = tuple(first + 1 + i if counts else 0 for i in range(len(operation(s, me).cases)))
            s["tickets"] += len(tickets) if counts else 0
            change(s, me, tickets=tickets, arrived=local(s, me).arrived or tickets)
        for i in by_address(s, me):
            case, mine = operation(s, me).cases[i], local(s, me)
            enqueue(s, own_side(case), Queued(mine.tickets[i], mine.arrived[i], waiter(s, me), i, case.value))
        return "unlock and wait"

    def enqueue_after_unlock(s, me):
        """A broken variant: it locks the channels again, to enqueue."""
        if any(s["lock", ch] is not None for ch in locked(s, me)):
            return BLOCKED
        return enqueue_all(s, me)

    def unlock_and_wait(s, me):
        unlock_all(s, me)
        if operation(s, me).lost:
            s["lost"] |= {waiter(s, me)}
            return DONE
        return "wait"

    def do(index):
        def step(s, me):
            change(s, me, index=index)
            return do_locked(s, me)

        return step

    def do_locked(s, me):
        index = local(s, me).index
        case = operation(s, me).cases[index]
        if case.value is not None and s["closed", case.channel]:
            change(s, me, index=None)
            return "unlock"
        other = first_other(s, case)
        if other is not None:
            change(s, me, other=other)
            return "choose"
        if case.value is not None:
            if len(s["buffer", case.channel]) == s["capacities"][case.channel]:
                return "pick"
            s["buffer", case.channel] = (*s["buffer", case.channel], case.value)
            note_sent(s, case.channel, case.value)
        elif s["buffer", case.channel]:
            take_first(s, me)
        else:
            if not s["closed", case.channel]:
                return "pick"
            change(s, me, index=None)
        return "unlock"

    def take_first(s, me):
        ch = operation(s, me).cases[local(s, me).index].channel
        s["result", me], s["buffer", ch] = s["buffer", ch][0], s["buffer", ch][1:]
        note_received(s, ch, s["result", me])

    def choose(s, me):
        """The compare-and-swap on `chosen` of the other side's waiter."""
        case, other = operation(s, me).cases[local(s, me).index], local(s, me).other
        touch(s, other.waiter)
        if not (is_live(s, other) or is_broken("chooses without a compare")):
            change(s, me, other=None)
            return "do"
        note_chosen(s, other_side(case), other)
        s["chosen", other.waiter[0]] = other.index
        change(s, me, woken=(other.waiter,))
        if is_broken("wakes before it dequeues"):
            s["woken"] |= {other.waiter}
            change(s, me, woken=())
        return "move the value"

    def move_value(s, me):
        case, other = operation(s, me).cases[local(s, me).index], local(s, me).other
        change(s, me, other=None)
        dequeue(s, other_side(case), other)
        ch, buffered = case.channel, bool(s["buffer", case.channel])
        if case.value is not None:
            s["result", other.waiter[0]] = case.value
            note_sent(s, ch, case.value)
            note_received(s, ch, case.value)
            return "unlock"
        value = other.value
        if is_broken("a receive takes the sender's value before the buffer's"):
            buffered = False
        note_sent(s, ch, value)
        if buffered:
            take_first(s, me)
            s["buffer", ch] = (*s["buffer", ch], value)
        else:
            note_received(s, ch, value)
            s["result", me] = value
        return "unlock"

    def unlock(s, me):
        unlock_all(s, me)
        change(s, me, steps=0)
        return "wake" if local(s, me).woken else finish(s, me)

    def wake(s, me):
        first, *others = local(s, me).woken
        touch(s, first)
        assert first not in s["woken"], "woken twice"
        if (
            first in s["lost"]
            and operation(s, me).cases
            and operation(s, me).cases[local(s, me).index].value is not None
        ):
            change(s, me, woken=())
            return finish(s, me) if is_broken("a send ends although the receiver is lost") else "lock"
        s["woken"] |= {first}
        if is_broken("a close reads the next case after the wake-up"):
            return "wake: next"
        change(s, me, woken=tuple(others))
        return "wake" if others else finish(s, me)

    def read_next(s, me):
        first, *others = local(s, me).woken
        touch(s, first)
        change(s, me, woken=tuple(others))
        return "wake" if others else finish(s, me)

    # ---- close

    def lock_and_close(s, me):
        ch = operation(s, me).closes
        if s["lock", ch] is not None:
            return BLOCKED
        s["lock", ch] = me
        s["closed", ch] = True
        return "close: choose"

    def choose_next(s, me):
        ch = operation(s, me).closes
        for queue in ("receivers", "senders"):
            other = first_live(s, (queue, ch))
            if other is not None and not (queue == "senders" and is_broken("a close forgets the senders")):
                dequeue(s, (queue, ch), other)
                s["chosen", other.waiter[0]], s["result", other.waiter[0]] = other.index, CLOSED
                change(s, me, woken=(other.waiter, *local(s, me).woken))
                return "unlock" if is_broken("a close wakes one waiter") else "close: choose"
        return "unlock"

    # ---- wait

    def wait(s, me):
        mine, doing = local(s, me), operation(s, me)
        ends = doing.times_out or mine.looks < doing.looks
        return [woken, *[withdraw] * ends]

    def woken(s, me):
        if waiter(s, me) not in s["woken"]:
            return BLOCKED
        s["woken"] -= {waiter(s, me)}
        return "leave"

    def withdraw(s, me):
        if is_broken("withdraws without a compare"):
            if s["chosen", me] is not None:
                return "woken"
            return "withdraw: store"
        if s["chosen", me] is not None:
            return finish_chosen(s, me) if is_broken("returns before it is woken") else "woken"
        return store_withdrawn(s, me)

    def store_withdrawn(s, me):
        s["chosen", me] = WITHDRAWN
        return finish(s, me) if is_broken("withdraws without dequeuing") else "leave"

    def leave(s, me):
        """Dequeue the cases that were not chosen: one in each step, with the lock of its channel."""
        chosen, step = s["chosen", me], local(s, me).steps
        others = [i for i in by_address(s, me) if i != chosen]
        if chosen != WITHDRAWN and is_broken("a chosen select leaves its other cases"):
            others = []
        if step == len(others):
            return finish_chosen(s, me)
        case = operation(s, me).cases[others[step]]
        if s["lock", case.channel] is not None:
            return BLOCKED
        for queued in s[own_side(case)]:
            if queued.waiter == waiter(s, me) and queued.index == others[step]:
                dequeue(s, own_side(case), queued)
        change(s, me, steps=step + 1)
        return leave(s, me) if step + 1 == len(others) else "leave"

    def finish_chosen(s, me):
        chosen = s["chosen", me]
        change(s, me, steps=0, index=None if chosen == WITHDRAWN or s["result", me] == CLOSED else chosen)
        if chosen == WITHDRAWN and local(s, me).looks < operation(s, me).looks:
            change(s, me, looks=local(s, me).looks + 1)
            return "lock"
        return finish(s, me)

    def finish(s, me):
        note_returned(s, operation(s, me).cases, local(s, me).index, s["result", me])
        s["memory"] -= {waiter(s, me)}
        s["result", me] = s["chosen", me] = None
        s["may block", me] = False
        s["local", me] = Local(operation=local(s, me).operation + 1)
        return start(s, me) if local(s, me).operation == len(operations) else "start"

    program = {
        "start": start,
        "look": look,
        "lock": lock,
        "pick": pick,
        "enqueue": enqueue_after_unlock,
        "unlock and wait": unlock_and_wait,
        "do": do_locked,
        "choose": choose,
        "move the value": move_value,
        "unlock": unlock,
        "wake": wake,
        "wake: next": read_next,
        "close": lock_and_close,
        "close: choose": choose_next,
        "wait": wait,
        "woken": woken,
        "withdraw: store": store_withdrawn,
        "leave": leave,
    }
    return after_each(program, check) if check else program
