"""Each kind of statement and expression that reads or writes a location; each trap of the definition's last section."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

from together import Box, together, twice, use


def against_a_write(read, box):
    """The read in one thread, a write in another."""

    def write():
        box.value = 1

    together(write, read)


def race_f_string():
    """Box.value"""
    box = Box()
    against_a_write(lambda: use(f"it is {box.value}"), box)


def race_chained_comparison():
    """Box.value"""
    box = Box()
    against_a_write(lambda: use(-1 < box.value < 5), box)


def race_conditional_expression():
    """Box.value"""
    box = Box()
    against_a_write(lambda: use(1 if box.value else 2), box)


def race_boolean_operator():
    """Box.value"""
    box = Box()
    against_a_write(lambda: use(False or box.value), box)


def race_default_argument():
    """Box.value"""
    box = Box()

    def read():
        def inner(value=box.value):
            return value

        use(inner())

    against_a_write(read, box)


def race_decorator():
    """Box.value"""
    box = Box(staticmethod)

    def read():
        @box.value
        def inner():
            return 1

        use(inner)

    def write():
        box.value = staticmethod

    together(write, read)


def race_keyword_and_star_arguments():
    """
    Box.left
    Box.right
    """
    box = Box()
    box.left, box.right = [1], {"sep": ""}

    def write():
        box.left = [2]
        box.right = {}

    together(write, lambda: use(str(*box.left)) and dict(**box.right))


def race_index_expression():
    """Box.value"""
    box, row = Box(), (1, 2)
    against_a_write(lambda: use(row[box.value]), box)


def race_slice():
    """Box.value"""
    box, row = Box(), (1, 2)
    against_a_write(lambda: use(row[: box.value]), box)


def race_return_value():
    """Box.value"""
    box = Box()

    def read():
        return box.value

    against_a_write(read, box)


def race_assert():
    """Box.value"""
    box = Box()

    def read():
        assert box.value >= 0, box.value

    against_a_write(read, box)


def race_with_expression():
    """Box.value"""
    box = Box(contextlib.nullcontext())

    def read():
        with box.value:
            pass

    def write():
        box.value = contextlib.nullcontext()

    together(write, read)


def race_with_target():
    """Box.value"""
    box = Box()

    def work():
        with contextlib.nullcontext(1) as box.value:
            pass

    twice(work)


def race_match_subject():
    """Box.value"""
    box = Box()

    def read():
        match box.value:
            case 0 | 1:
                return True
        return False

    against_a_write(read, box)


def race_lambda_body():
    """Box.value"""
    box = Box()
    against_a_write(lambda: (lambda: box.value)(), box)


def race_annotated_assignment():
    """Box.value"""
    box = Box()

    def work():
        box.value: int = 1

    twice(work)


def race_chained_assignment():
    """Box.value | Box.more"""
    box = Box()

    def work():
        box.value = box.more = 1

    twice(work)


def race_star_target():
    """Box.value"""
    box = Box()

    def work():
        _, *box.value = 1, 2, 3

    twice(work)


def race_nested_targets():
    """Box.value | row[0]"""
    box, row = Box(), [0]

    def work():
        (box.value, [row[0]]) = 1, [2]

    twice(work)


def race_delete_of_several():
    """
    Box.value
    Box.more
    """
    box = Box()
    box.more = 1

    def delete():
        del box.value, box.more

    def write():
        box.value = 1
        box.more = 2

    together(delete, write)


def race_augmented_with_every_operator():
    """Box.value"""
    box = Box(8)

    def work():
        box.value -= 1
        box.value *= 2
        box.value //= 2
        box.value |= 1
        box.value <<= 1

    twice(work)


def race_raise_from():
    """Box.value"""
    box = Box()

    def read():
        with contextlib.suppress(ValueError):
            raise ValueError(box.value)

    against_a_write(read, box)


def race_yield_in_an_expression():
    """Box.value"""
    box = Box()

    def source():
        use((yield box.value))

    against_a_write(lambda: list(source()), box)


def race_augmented_with_an_object_that_is_computed():
    """Box.value"""
    boxes = {"k": Box()}

    def pick():
        return boxes["k"]

    def work():
        pick().value += 1

    twice(work)


def race_augmented_item_with_a_computed_key():
    """row[1]"""
    row = [0, 0]

    def work():
        row[int("1")] += 1

    twice(work)


# ---- traps -------------------------------------------------------------------------------------------------------


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
            self.value: "int" = 1

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
