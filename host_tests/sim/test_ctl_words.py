"""The words of ctl.py's command line, and its list of commands on a terminal of usual width."""

import ctl
import pytest

EV = [("max_amps", "float", False), ("phases", "int", False), ("diode", "bool", False)]
SWIPE = [("token", "str", True), ("connector", "int", False)]


@pytest.mark.parametrize(("words", "expected", "fields"), [
    (["10", "phases=1", "on"], EV, {"max_amps": 10, "phases": 1, "diode": True}),
    (["A=B", "1"], SWIPE, {"token": "A=B", "connector": 1}),
    ([], EV, {}), (["token=x"], SWIPE, {"token": "x"}),
])  # fmt: skip
def test_words_are_the_fields_of_a_command(words, expected, fields):
    assert ctl.arguments(words, expected, "it") == fields


@pytest.mark.parametrize(("words", "expected", "why"), [
    (["bogus=1"], EV, "'bogus=1' is no argument of it, which takes: it"), (["1", "2", "on", "4"], EV, "'4' is no argument"),
    ([], SWIPE, "it needs token: it token"), (["connector=1"], SWIPE, "needs token"), (["nan"], EV, "max_amps must be a number"),
    (["inf"], EV, "max_amps must be a number"), (["x"], EV, "must be a number, not 'x'"), (["diode=maybe"], EV, "true or false"),
])  # fmt: skip
def test_words_that_are_none_are_a_mistake(words, expected, why):
    with pytest.raises(ctl.Mistake, match=why):
        ctl.arguments(words, expected, "it")


def test_the_command_alone_is_missing_where_nothing_is_given(capsys):
    assert ctl.main([]) == 2
    assert "required: command;" in capsys.readouterr().err


def test_a_command_with_many_arguments_does_not_push_the_texts_off_the_screen(capsys):
    many = [(f"argument_{n}", "int", False) for n in range(20)]
    ctl._show_help({"many": {"args": many, "text": "A long one"}, "swipe": {"args": SWIPE, "text": "Show a card"}})
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100 and all(name in "".join(lines) for name, _, _ in many)
    assert {line.index(text) for line in lines for text in ("A long one", "Show a card") if text in line} == {38}
