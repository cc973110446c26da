"""Any sequence of operations, whatever the arguments, agrees with the model on the bare value.

After each call the result (or the type of the exception) and the value left must be those of models.py. Hypothesis
draws the sequences, and shrinks one that fails to its shortest form.
"""

import itertools
import re

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from modelling import Model, same
from models import TYPES

# The same examples in every run: a failure in CI is a failure at home. No database: nothing is left in the checkout.
profile = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100,  # of each type; the operands and the functions are all tried below
    suppress_health_check=[HealthCheck.too_slow],
)


def sequences(model: Model) -> st.SearchStrategy[list[tuple[str, tuple]]]:
    """Lists of calls: operation and arguments."""
    operands = st.sampled_from(model.operands) | st.integers(-(2**64), 2**64)
    pools = {"n": operands, "?": operands, "f": st.sampled_from(model.functions or (None,))}
    pools["i"] = st.sampled_from(model.indices or (None,))

    def arguments(takes: str) -> st.SearchStrategy[tuple]:
        whole = st.tuples(*(pools[kind] for kind in takes))
        return whole | arguments(takes[:-1]) if takes.endswith("?") else whole

    return st.lists(
        st.one_of([st.tuples(st.just(name), arguments(of.takes)) for name, of in model.operations.items()]),
        max_size=12,
    )


def starts(model: Model) -> tuple:
    return model.operands if model.starts is None else model.starts


def values(model: Model) -> st.SearchStrategy:
    """What an object can be made of, so that no value of the type is out of reach."""
    return st.sampled_from([start for start, _ in model.scenes.values()]) | st.sampled_from(starts(model))


def check(model: Model, start, calls: list[tuple[str, tuple]]) -> None:
    try:
        state = model.start(start)
    except Exception as error:
        with pytest.raises(type(error)):
            model.make(start)
        return
    atomic = model.make(start)
    for name, arguments in calls:
        state, expected = model.step(state, name, arguments)
        try:
            result = model.call(atomic, name, arguments)()
        except Exception as error:
            result = type(error)
        assert same(result, expected), f"{name}{arguments} -> {result!r}, not {expected!r}"
        left = model.value(atomic)
        assert same(left, state), f"{name}{arguments} left {left!r}, not {state!r}"


def agrees(model: Model, profile: settings) -> None:
    @profile
    @given(values(model), sequences(model))
    def run(start, calls):
        check(model, start, calls)

    run()


@pytest.mark.parametrize("kind", TYPES)
def test_any_sequence_of_operations_agrees_with_the_model(kind):
    agrees(TYPES[kind], profile)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in TYPES for name in TYPES[kind].operations])
def test_operation_agrees_with_the_model_on_every_operand(kind, name):
    """What random sequences may miss: every start with every operand, and every two of them."""
    model = TYPES[kind]
    pools = {"n": model.operands, "?": model.operands, "f": model.functions, "i": model.indices}
    takes = model.operations[name].takes
    arguments = [*itertools.product(*(pools[kind] for kind in takes))]
    if takes.endswith("?"):
        arguments += itertools.product(*(pools[kind] for kind in takes[:-1]))
    for start in starts(model):
        for each in arguments:
            check(model, start, [(name, each)])


@pytest.mark.slow  # it tests the test, which is the same on each interpreter
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in TYPES for name in TYPES[kind].operations])
def test_operation_that_differs_from_the_model_is_found(kind, name):
    def wrong(old, *arguments):
        left, result = right.step(old, *arguments)
        return left, (result, "and more")

    right = TYPES[kind].operations[name]
    # Alone, or a short run might not come to call it.
    model = TYPES[kind]._replace(operations={name: right._replace(step=wrong)})
    with pytest.raises(AssertionError, match=f"^{re.escape(name)}"):
        agrees(model, settings(profile, phases=[Phase.generate]))


@pytest.mark.parametrize("kind", TYPES)
def test_value_that_differs_from_the_model_is_found(kind):
    model = TYPES[kind]
    start, operands = next(iter(model.scenes.values()))
    index = () if model.index is None else (0,)
    wrong = model.operations["store"]._replace(step=lambda old, *arguments: (old, None))
    with pytest.raises(AssertionError, match="left"):
        check(model._replace(operations={"store": wrong}), start, [("store", (*index, operands[-1]))])
