"""tools/tariff.py reads the forms in which prices are published."""

import json

import pytest
import tariff

ENTSOE = """<?xml version="1.0" encoding="UTF-8"?>
<Publication_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3">
 <type>A44</type>
 <TimeSeries><currency_Unit.name>EUR</currency_Unit.name><price_Measure_Unit.name>MWH</price_Measure_Unit.name>
  <Period><timeInterval><start>2026-01-11T23:00Z</start><end>2026-01-12T03:00Z</end></timeInterval>
   <resolution>PT60M</resolution>
   <Point><position>1</position><price.amount>101.50</price.amount></Point>
   <Point><position>2</position><price.amount>-5.00</price.amount></Point>
   <Point><position>4</position><price.amount>88.00</price.amount></Point>
  </Period></TimeSeries>
</Publication_MarketDocument>
"""


def requests(tmp_path, capsys, text, *words):
    """The requests that the tool prints."""
    path = tmp_path / "prices"
    path.write_text(text, encoding="utf-8")
    assert tariff.main([str(path), *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def rate(hour, minute, price):
    """One row of Octopus Agile's answer."""
    end = (hour, 30) if minute == 0 else (hour + 1, 0)
    return {"value_exc_vat": price - 1, "value_inc_vat": price, "valid_from": f"2026-01-12T{hour:02}:{minute:02}:00Z",
            "valid_to": f"2026-01-12T{end[0]:02}:{end[1]:02}:00Z", "payment_method": None}


def test_agile_comes_latest_first_and_a_gap_begins_a_new_request(tmp_path, capsys):
    text = json.dumps({"count": 4, "next": None, "previous": None,
                       "results": [rate(3, 0, 7), rate(1, 0, -2.1), rate(0, 30, 18.5), rate(0, 0, 20.25)]})
    assert requests(tmp_path, capsys, text) == [
        {"start": "2026-01-12T00:00:00Z", "minutes": 30, "prices": [20.25, 18.5, -2.1]},
        {"start": "2026-01-12T03:00:00Z", "minutes": 30, "prices": [7.0]},
    ]
    assert requests(tmp_path, capsys, text, "--pence-field", "value_exc_vat")[1]["prices"] == [6.0]


def test_entsoe_is_told_in_cents_and_a_position_left_out_repeats_the_one_before(tmp_path, capsys):
    assert requests(tmp_path, capsys, ENTSOE) == [
        {"start": "2026-01-11T23:00:00Z", "minutes": 60, "prices": [10.15, -0.5, -0.5, 8.8]}]


def test_two_days_of_half_hours_are_split_and_each_request_fits_the_units_limit(tmp_path, capsys):
    text = json.dumps({"results": [rate(hour, minute, 99.9999) for hour in range(23) for minute in (0, 30)]})
    text = text.replace('"results": [', '"results": [' + json.dumps([
        {**rate(hour, minute, 99.9999), "valid_from": f"2026-01-13T{hour:02}:{minute:02}:00Z",
         "valid_to": f"2026-01-13T{hour + (minute // 30):02}:{30 - minute:02}:00Z"}
        for hour in range(23) for minute in (0, 30)])[1:-1] + ", ")
    bodies = requests(tmp_path, capsys, text)
    assert sum(len(body["prices"]) for body in bodies) == 92
    assert all(len(json.dumps(body)) < 1000 and len(body["prices"]) <= 96 for body in bodies)


@pytest.mark.parametrize("text", ["", "{}", "<a/>", '{"results": [{"valid_from": "soon"}]}', ENTSOE.replace("PT60M", "P1D")])
def test_what_has_no_prices_is_refused_with_one_sentence(tmp_path, capsys, text):
    path = tmp_path / "prices"
    path.write_text(text, encoding="utf-8")
    assert tariff.main([str(path)]) == 2
    assert "not prices of" in capsys.readouterr().err
