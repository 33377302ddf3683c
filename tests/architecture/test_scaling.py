"""docs/scaling.md is what its model says of what was measured."""

from bench.capacity import model, suite
from bench.report import Cells, Table, written


def test_the_page_has_what_the_model_says() -> None:
    """Whoever measures anew, or changes the model, writes it: python -m bench.capacity --write."""
    assert written(suite.SCALING, suite.MODEL) == suite.model_text().strip("\n") + "\n"


def test_more_of_anything_never_needs_less() -> None:
    """Twice the keys, the checks, the predictions and the changes, one after the other."""
    costs = suite.costs()
    one = model.EXAMPLES[1]
    before = _needs(model.Sized(one, costs))
    for name in ("keys", "in_use", "checks", "predictions", "limited", "changes", "months"):
        values = {field: getattr(one, field) for field in one.__dataclass_fields__}
        after = _needs(model.Sized(model.Installation(**{**values, name: values[name] * 2}), costs))
        assert all(new >= old for new, old in zip(after, before, strict=True)), name
        assert after != before, name


def test_of_few_keys_all_call_and_of_many_as_many_as_there_are_calls() -> None:
    """The two ends of what is assumed of who calls."""
    assert round(model.distinct(100, 100_000)) == 100
    assert round(model.distinct(100_000_000, 1000)) == 1000


def test_a_table_is_read_as_it_was_written() -> None:
    """Its numbers, with their commas, by title, row and column; what is not there is named."""
    table = Table("A title", ("", "one", "two"))
    table.add("first", "1,234", "5.6 µs")
    table.add("second", "none", "7")
    cells = Cells(f"# Page\n\n{table.markdown()}\ntext\n")
    assert cells.rows("A title") == ["first", "second"]
    assert cells.number("A title", "first", "one") == 1234
    assert cells.number("A title", "first", "two") == 5.6
    for where in (("A title", "second", "one"), ("A title", "first", "three"), ("Another", "first", "one")):
        try:
            cells.number(*where)
        except KeyError:
            continue
        raise AssertionError(where)


def _needs(sized: model.Sized) -> list[float]:
    return [
        *(sized.cores, sized.processes * sized.in_memory, sized.database_cores, sized.valkey_cores),
        *(sized.changes_told, *(sized.stored(kind) for kind in sized.costs.bytes_of)),
    ]
