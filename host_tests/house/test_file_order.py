"""The order of the test files (file_order.py)."""

from pathlib import Path

from file_order import COMPUTING, LONG, spread

HOST_TESTS = Path(__file__).resolve().parents[1]


def test_files_that_compute_lie_evenly_between_those_that_wait():
    files = [*range(1, 7), *"abc"]
    assert spread(files, lambda file: file in (1, 2, 3, 4, 5, 6)) == [1, "a", 2, 3, "b", 4, 5, "c", 6]
    assert spread(files, lambda _: True) == spread(files, lambda _: False) == files


def test_every_name_is_that_of_a_file_or_folder():
    assert [name for name in LONG if not (HOST_TESTS / f"{name}.py").exists()] == []
    assert [name for name in COMPUTING if not (HOST_TESTS / name).is_dir()] == []
