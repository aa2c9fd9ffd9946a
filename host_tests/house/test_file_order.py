"""The order of the test files (file_order.py)."""

from file_order import spread


def test_files_that_compute_lie_evenly_between_those_that_wait():
    files = [*range(1, 7), *"abc"]
    assert spread(files, lambda file: file in (1, 2, 3, 4, 5, 6)) == [1, "a", 2, 3, "b", 4, 5, "c", 6]
    assert spread(files, lambda _: True) == spread(files, lambda _: False) == files
