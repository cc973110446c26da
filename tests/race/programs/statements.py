"""Each kind of statement and expression that reads or writes a location."""

import contextlib

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
