"""Traps that give a detector false reports or break programs."""

import threading
from concurrent.futures import ThreadPoolExecutor

from together import Box, together, twice, use


def clean_right_side_of_an_augmented_assignment_synchronises():
    box = Box(1)

    def work():
        box.value += 1
        return 0

    with ThreadPoolExecutor(1) as pool:
        # The read comes before the task is submitted, the write after its result.
        box.value += pool.submit(work).result()
    assert box.value in (1, 2)


def clean_captured_variable_with_a_right_side_that_synchronises():
    total = 1

    def work():
        nonlocal total
        total += 1
        return 0

    with ThreadPoolExecutor(1) as pool:
        total += pool.submit(work).result()


def clean_item_with_a_right_side_that_synchronises():
    row = [1]

    def work():
        row[0] += 1
        return 0

    with ThreadPoolExecutor(1) as pool:
        row[0] += pool.submit(work).result()


def clean_mangled_names_in_a_class():
    class Secret:
        __shared = 1

        def __init__(self):
            self.__value = 0

        def work(self):
            self.__value += self.__shared
            return [self.__value for _ in range(2)]

    together(Secret().work, Secret().work)


def clean_side_effects_happen_once():
    calls = []

    class Noisy:
        @property
        def value(self):
            calls.append("get")
            return self

        def __getitem__(self, key):
            calls.append("item")
            return key

    def work():
        noisy = Noisy()
        use(noisy.value.value[noisy.value[1]])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert calls == ["get", "get", "get", "item", "item"]


def clean_methods_of_static_types():
    text, row, table = "a,b", [1], {"k": 1}
    twice(lambda: use(text.split(","), row.copy(), table.get("k"), (5).bit_length()))


def clean_walrus_keeps_nothing_alive():
    seen = []

    class Mortal:
        def __del__(self):
            seen.append(True)

    def work():
        mortal = Mortal()
        mortal.value = 1
        use(mortal.value)
        del mortal
        assert seen

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen


def clean_class_body_that_runs_code():
    def work():
        class Body:
            rows = [number * 2 for number in range(3)]
            total = 0
            for row in rows:
                total += row
            del row

        assert Body.total == 6

    twice(work)


def clean_super_and_annotations():
    class Base:
        def __init__(self):
            self.value: int = 1

        def get(self):
            return self.value

    class Derived(Base):
        extra: dict[str, int]

        def get(self):
            return super().get() + 1

    twice(lambda: use(Derived().get()))


def clean_match_patterns():
    class Point:
        __match_args__ = ("x", "y")

        def __init__(self, x, y):
            self.x, self.y = x, y

    def work():
        match Point(1, {"k": [2, 3]}):
            case Point(x=0):
                raise AssertionError
            case Point(one, {"k": [two, *rest]}) if one < two:
                assert rest == [3]

    twice(work)


def clean_locals_and_exec():
    def work():
        value = 1
        scope = dict(locals())
        exec("value += 1", scope)
        assert scope["value"] == 2
        assert eval("value + 1") == value + 1

    twice(work)
