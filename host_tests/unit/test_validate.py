"""The declarative input check: each kind, each kind of fault, nesting and the traps of JSON in MicroPython."""

import json

from check import equal, true

from charger.errors import InvalidValueError
from charger.validate import EXTRA, MISSING, TYPE, VALUE, check, check_items, home_address, house_meter

WORDS = (64, 32)

PROFILE = (
    "obj",
    (
        ("id", ("int", 1, None)),
        ("unit", ("enum", ("A", "W"))),
        ("periods", ("list", ("obj", (("limit", ("num", 0, None)),)), 3, 1)),
    ),
    (("start", ("time",)),),
)


def fault(spec, value):
    try:
        check(spec, value)
    except InvalidValueError as error:
        return error.kind, error.path
    return None


def test_accepts_a_whole_nested_value():
    value = {"id": 7, "unit": "A", "start": "2026-03-01T10:00:00Z", "periods": [{"limit": 16}, {"limit": 6.5}]}
    assert fault(PROFILE, value) is None


def test_unknown_fields_are_tolerated_only_where_not_strict():
    assert fault(("obj", (("a", ("any",)),)), {"a": 1, "b": 2}) is None
    assert fault(("strict", (("a", ("any",)),), (("c", ("any",)),)), {"a": 1, "b": 2}) == (EXTRA, "b")
    assert fault(("strict", (("a", ("any",)),), (("c", ("any",)),)), {"a": 1, "c": 2}) is None


def test_names_the_field_and_the_kind_of_fault():
    periods = [{"limit": 16}]
    cases = (
        ({"unit": "A", "periods": periods}, (MISSING, "id")),
        ({"id": "7", "unit": "A", "periods": periods}, (TYPE, "id")),
        ({"id": 0, "unit": "A", "periods": periods}, (VALUE, "id")),
        ({"id": 7, "unit": "a", "periods": periods}, (VALUE, "unit")),
        ({"id": 7, "unit": None, "periods": periods}, (TYPE, "unit")),
        ({"id": 7, "unit": "A", "start": "yesterday", "periods": periods}, (VALUE, "start")),
        ({"id": 7, "unit": "A", "start": 5, "periods": periods}, (TYPE, "start")),
        ({"id": 7, "unit": "A", "periods": {}}, (TYPE, "periods")),
        ({"id": 7, "unit": "A", "periods": []}, (VALUE, "periods")),
        ({"id": 7, "unit": "A", "periods": periods * 4}, (VALUE, "periods")),
        ({"id": 7, "unit": "A", "periods": [{"limit": 16}, {}]}, (MISSING, "periods[1].limit")),
        ({"id": 7, "unit": "A", "periods": [{"limit": -0.1}]}, (VALUE, "periods[0].limit")),
        ([], (TYPE, "")),
    )
    for value, wanted in cases:
        assert fault(PROFILE, value) == wanted, value


def test_bool_is_not_a_number_and_number_not_a_bool():
    assert fault(("int", 0, 5), True) == (TYPE, "")
    assert fault(("num", 0, 5), False) == (TYPE, "")
    assert fault(("bool",), 1) == (TYPE, "")
    assert fault(("bool",), False) is None


def test_floats_where_integers_are_wanted():
    assert fault(("int", None, None), 5.0) == (TYPE, "")
    assert fault(("whole", None, None), 5.0) is None
    assert fault(("whole", None, None), 5.5) == (TYPE, "")


def test_not_a_number_and_infinity():
    for value in (float("nan"), float("inf"), -float("inf")):
        assert fault(("num", None, None), value) == (VALUE, "")


def test_integers_up_to_64_bits():
    assert fault(("int", None, None), (1 << 63) - 1) is None
    assert fault(("int", None, None), 1 << 63) == (VALUE, "")
    assert fault(("int", None, None), -(1 << 63)) is None


def test_strings_count_characters_not_bytes():
    assert fault(("str", 3), "äöü") is None
    assert fault(("str", 3), "abcd") == (VALUE, "")
    assert fault(("str", 3, 1), "") == (VALUE, "")


def test_control_characters_and_lone_surrogates():
    for text in ("a\\u0000b", "a\\nb", "\\u007f", "\\ud800", "\\udc00x", "\\ud800\\ud800", "\\udc00\\ud800",
                 "\\ud800x\\ud83d\\ude00"):
        text = '"%s"' % text
        assert fault(("str", 20), json.loads(text)) == (VALUE, ""), text
    assert fault(("str", 20), json.loads('"\\ud83d\\ude00"')) is None
    assert fault(("text", 20), "a\r\n\tb") is None
    assert fault(("text", 20), "a\0b") == (VALUE, "")


def test_words_name_the_field():
    try:
        check(PROFILE, {})
    except InvalidValueError as error:
        assert str(error) == "id: missing"


async def test_a_fault_in_a_long_list_or_text_is_named_as_one_in_a_short_one():
    """A value that is checked in slices keeps the names of the fields above it."""
    spec = ("obj", (("a", ("obj", (("items", ("list", ("obj", (("n", ("int", 0, 9)),)), None)), ("data", ("text", 50000))))),))
    items = [{"n": 1} for _ in range(60)]
    for wrong, path in ((["items"], "a.items[57].n"), (["data"], "a.data")):
        value = {"a": {"items": [dict(item) for item in items], "data": "x" * 20000}}
        if "items" in wrong:
            value["a"]["items"][57]["n"] = 10
        else:
            value["a"]["data"] += "\x01" * 30
        later = []
        check(spec, value, True, later)
        try:
            await check_items(later)
            true(False, path)
        except InvalidValueError as error:
            equal(error.path, path)


async def test_an_optional_field_that_is_null_is_absent_and_a_fault_in_a_long_one_is_named():
    spec = ("obj", (), (("n", ("int", 0, 9)), ("items", ("list", ("int", 0, 9), None))))
    value = {"n": None, "items": [1] * 7 + [10]}
    later = []
    check(spec, value, True, later)
    equal(value, {"items": [1] * 7 + [10]})
    try:
        await check_items(later)
        true(False)
    except InvalidValueError as error:
        equal(error.path, "items[7]")


def test_what_counts_as_an_address_of_the_home_network():
    for text in ("10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1"):
        true(home_address(text), text)
    for text in ("172.15.0.1", "172.32.0.1", "192.169.0.1", "11.0.0.1", "10.0.0", "10.0.0.256", "10.0.0.01", "10.0.0.x", "home"):
        true(not home_address(text), text)
    for text in ("", "sunspec://192.168.1.2", "sdm630://10.0.0.1:502/247", "sunspec://172.31.0.1/1", "sunspec://169.254.1.1:65535"):
        true(house_meter(text), text)
    for text in ("http://192.168.1.2", "sunspec://192.168.1", "sunspec://192.168.1.256", "sunspec://8.8.8.8", "sunspec://172.32.0.1",
                 "sunspec://192.169.1.1", "sunspec://10.0.0.1:0", "sunspec://10.0.0.1:65536", "sunspec://10.0.0.1:x",
                 "sunspec://10.0.0.1/248", "sunspec://10.0.0.1/x", "sunspec://10.0.0.x", "sunspec://meter"):
        true(not house_meter(text), text)
