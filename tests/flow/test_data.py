from __future__ import annotations

from flow_widgets.flow.data import excess


def test_a_value_that_holds_too_much_is_told(monkeypatch):
    monkeypatch.setattr("flow_widgets.flow.data.MAX_ITEMS", 10)

    assert excess([1] * 9, 5) is None
    assert excess([1] * 11, 5) == ((), "it holds more than 10 values.")
