"""huey: a queue of tasks, a scheduler and workers, all of them threads of this process."""

import contextlib
import logging
import threading

import huey

from together import together

logging.getLogger("huey").setLevel(logging.CRITICAL)  # tasks fail on purpose


@contextlib.contextmanager
def working(queue, workers):
    consumer = queue.create_consumer(
        workers=workers,
        initial_delay=0.005,
        backoff=1.0,
        max_delay=0.01,
        scheduler_interval=1,
        check_worker_health=False,
    )
    consumer.start()
    yield
    consumer.stop(graceful=True)


def clean_tasks_and_results():
    queue = huey.MemoryHuey("results")

    @queue.task()
    def add(one, other):
        return one + other

    def client():
        results = [add(number, 1) for number in range(10)]
        assert [result.get(blocking=True, timeout=240, max_delay=0.01) for result in results] == list(range(1, 11))

    with working(queue, 3):
        together(client, client)
    assert queue.pending_count() == 0


def clean_pipeline_retry_and_schedule():
    queue = huey.MemoryHuey("pipeline")
    tries, lock = [], threading.Lock()

    @queue.task(priority=5)
    def add(one, other):
        return one + other

    @queue.task(retries=2)
    def flaky():
        with lock:
            tries.append(len(tries))
            if len(tries) < 2:
                raise ValueError("once more")
            return len(tries)

    def client():
        first, second = queue.enqueue(add.s(1, 2).then(add, 5))
        assert second.get(blocking=True, timeout=240, max_delay=0.01) == 8
        assert first.get(blocking=True, timeout=240) == 3
        assert add.schedule((1, 2), delay=0.01).get(blocking=True, timeout=240, max_delay=0.01) == 3

    with working(queue, 2):
        together(client, client)
        with contextlib.suppress(huey.exceptions.TaskException):
            flaky().get(blocking=True, timeout=240, max_delay=0.01)


def clean_work_that_is_locked():
    queue = huey.MemoryHuey("locked")
    done, lock = {"count": 0}, threading.Lock()

    @queue.task()
    def count():
        with lock:
            done["count"] += 1
        return True  # of None no result is kept

    with working(queue, 3):
        results = [count() for _ in range(10)]
        for result in results:
            result.get(blocking=True, timeout=240, max_delay=0.01)
    with lock:
        assert done["count"] == 10


def race_work_that_is_not():
    """done['count'] -- the program's own: the tasks of two workers count in one dict"""
    queue = huey.MemoryHuey("unlocked")
    done, meeting = {"count": 0}, threading.Barrier(2)

    @queue.task()
    def count():
        meeting.wait(240)
        done["count"] += 1
        return True

    with working(queue, 2):
        for result in [count(), count()]:
            result.get(blocking=True, timeout=240, max_delay=0.01)
