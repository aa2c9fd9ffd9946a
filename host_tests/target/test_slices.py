"""No handler, message, request or file of the charger holds up the other tasks for more than 20 ms of an ESP32."""

import pytest
from target import count


@pytest.fixture(scope="module")
def counted():
    """The longest slice of each handler with its worst input, instructions."""
    return count.count(list(count.NO_BUDGETS))


@pytest.mark.timeout(900)
def test_no_slice_is_longer_than_20_ms_but_the_named_ones(counted):
    """count.LONGER has those that may be longer, each with its reason."""
    lines = count.too_long(counted.counts)
    assert not lines, "\n".join(lines)


def test_every_handler_is_counted_to_its_end(counted):
    """A handler without a worst input is named as missing, and so is one that ended with an internal error."""
    assert [line for line in counted.missing if line.split(" ")[0] not in count.NOT_WHOLE] == []
    assert {line.split(" ")[0] for line in counted.missing} == set(count.NOT_WHOLE)


def test_a_slice_that_is_too_long_is_named():
    """One above 20 ms, an exception above its own limit, one that needs none any more, and those that were not counted."""
    twenty_ms = 20 * 240 * 1000 / 1.75
    lines = count.too_long({
        "slice.a": int(twenty_ms * 1.1), "slice.b": int(twenty_ms), "slice.compaction": int(twenty_ms * 2.5),
        "slice.api.POST.api.charge.6": int(twenty_ms * 0.85)})  # fmt: skip
    assert lines[:3] == [
        "slice.a: 22.0 ms of an ESP32, 20 are allowed",
        "slice.compaction: 50.0 ms of an ESP32, 45 are allowed",
        "slice.api.POST.api.charge.6: 17.0 ms of an ESP32, no exception is needed any more",
    ]
    assert sorted(lines[3:]) == sorted(f"{name}: not counted" for name in count.LONGER
                                       if name not in ("slice.compaction", "slice.api.POST.api.charge.6"))
