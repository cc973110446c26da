"""What one increment costs in nogil code, beside C11's atomic_fetch_add in plain C.

On an AtomicInt (ap_fetch_add_i64), in a ShardedCounter (sharded_counter_add) and under a Mutex.

    python benchmarks/native.py [--quick] [--rounds 101] [--only WORD] [--busy N] [--json FILE]

Both loops stand in one small extension that is built here as a user would build it: in Cython through
`cimport atomicpy`, and in C on a static `_Atomic int64_t`. The first row compares the C loop with a copy of itself: its
distance from 1.00 is noise.

Two threads start together, behind a gate in C. The nanoseconds are those that a thread takes for one increment: CPU
time on one thread, wall time on two.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import measure
import summary
from together import Span, parallel

HERE = Path(__file__).resolve().parent
SAMPLE_SECONDS = 0.0005  # short: most samples then fall between two interruptions of a busy machine
COLUMNS = ("ns", "baseline_ns", "ratio", "low", "high", "cores", "discarded")

SOURCE = '''
# cython: language_level=3, freethreading_compatible=True
from libc.stdint cimport int64_t
from atomicpy cimport (
    AtomicInt, Mutex, ShardedCounter, ap_fetch_add_i64, ap_i64, ap_load_i64, ap_store_i64, mutex_lock, mutex_unlock,
    sharded_counter_add,
)

cdef extern from *:
    """
    #include <sched.h>
    #include <stdatomic.h>
    #include <time.h>

    /* The word has a cache line of its own, as that of an AtomicInt has. */
    static struct { _Alignas(128) _Atomic int64_t n; } bare, again;

    static void count_bare(int64_t times)
    {
        for (int64_t i = 0; i < times; i++) { atomic_fetch_add(&bare.n, 1); }
    }
    static void count_again(int64_t times)
    {
        for (int64_t i = 0; i < times; i++) { atomic_fetch_add(&again.n, 1); }
    }
    static int64_t now(clockid_t clock)
    {
        struct timespec t;
        clock_gettime(clock, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    }
    static int64_t cpu_time(void) { return now(CLOCK_THREAD_CPUTIME_ID); }
    static int64_t wall_time(void) { return now(CLOCK_MONOTONIC); }
    """
    void count_bare(int64_t times) noexcept nogil
    void count_again(int64_t times) noexcept nogil
    int64_t cpu_time() noexcept nogil
    int64_t wall_time() noexcept nogil
    void sched_yield() noexcept nogil

cdef ap_i64 gate
cdef ShardedCounter sharded = ShardedCounter()
cdef Mutex mutex = Mutex()
cdef int64_t guarded = 0


def close_gate():
    ap_store_i64(&gate, 0)


def register_thread():
    """A thread's first use of a ShardedCounter registers it: before the start, so that no sample has that time."""
    sharded_counter_add(sharded, 0)


def sample(int side, AtomicInt a not None, int64_t times, int threads):
    """Wait at the gate for all threads, then count `times` times: start, end and CPU time in ns."""
    global guarded
    cdef int64_t i, cpu, start, end, spins = 0
    with nogil:
        ap_fetch_add_i64(&gate, 1)
        while ap_load_i64(&gate) < threads:
            spins += 1
            if spins % 100000 == 0:
                sched_yield()
        cpu, start = cpu_time(), wall_time()
        if side == 0:
            for i in range(times):
                ap_fetch_add_i64(&a.value, 1)
        elif side == 1:
            count_bare(times)
        elif side == 2:
            count_again(times)
        elif side == 3:
            for i in range(times):
                sharded_counter_add(sharded, 1)
        else:
            for i in range(times):
                mutex_lock(mutex)
                guarded += 1
                mutex_unlock(mutex)
        cpu, end = cpu_time() - cpu, wall_time()
    return start, end, cpu
'''
SETUP = """
import atomicpy
from Cython.Build import cythonize
from setuptools import Extension, setup
arguments = ["-std=gnu11", "-O2", "-pthread"]
setup(ext_modules=cythonize(Extension("native_loops", ["native_loops.pyx"], include_dirs=[atomicpy.get_include()],
      extra_compile_args=arguments)))
"""
OURS, BARE, AGAIN, SHARDED, MUTEX = range(5)
ROWS = (
    ("bare C itself", AGAIN),
    ("ap_fetch_add_i64", OURS),
    ("sharded_counter_add", SHARDED),
    ("mutex_lock, += 1, unlock", MUTEX),
)


def build():
    """The module of the loops. Each run builds it, because the installed package may have changed."""
    folder = HERE.parent / "build" / "benchmarks" / sysconfig.get_config_var("EXT_SUFFIX").strip(".") / "native"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "native_loops.pyx").write_text(SOURCE)
    (folder / "setup.py").write_text(SETUP)
    command = [sys.executable, "-P", "setup.py", "-q", "build_ext", "--inplace", "--force"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if built.returncode:
        sys.exit(
            f"cannot build the loops (it needs a C compiler, setuptools and Cython):\n{built.stdout}{built.stderr}"
        )
    sys.path.insert(0, str(folder))
    import native_loops

    return native_loops


def side(loops, loop, threads):
    from atomicpy import AtomicInt

    counter = AtomicInt()

    def job(times):
        loops.close_gate()

        def run():
            return Span(*(ns / 1e9 for ns in loops.sample(loop, counter, times, threads)))

        def prepare(me):
            loops.register_thread()
            return run

        return prepare

    at_least, of = (parallel(threads, nogil=True), "wall") if threads > 1 else (0, "cpu")
    return measure.on_threads(threads, job, 1, SAMPLE_SECONDS, at_least=at_least, each=True, of=of)


def main():
    args = measure.parsed(measure.parser(__doc__, rounds=101))
    if os.name != "posix":
        sys.exit("native.py needs the clocks of POSIX")

    loops, rows = build(), {}
    with measure.busy(args.busy):
        loop, seen = measure.loop_of(args), measure.conditions(args.busy)
        print(measure.heading(seen))
        print(f"\n{'loop':26} {'threads':>7} {'ns':>7} {'bare C':>7} {'ratio':>6}   middle half  CPU/wall  discarded")
        for threads in (1, 2):
            for name, ours in ROWS:
                if args.only not in name:
                    continue
                row = loop.compare(side(loops, ours, threads), side(loops, BARE, threads))
                rows[f"{name}, {threads}"] = row
                if row.ns is None:
                    print(f"{name:26} {threads:7}   never parallel: {row.discarded} samples discarded")
                    continue
                print(
                    f"{name:26} {threads:7} {row.ns:7.2f} {row.baseline_ns:7.2f} {row.ratio:6.3f}   "
                    f"{row.low:.3f}-{row.high:.3f}  {row.cores:8.2f}  {row.discarded:9}",
                    flush=True,
                )
    if args.json:
        summary.save(args.json, "native", seen, args.rounds, COLUMNS, rows)


if __name__ == "__main__":
    main()
