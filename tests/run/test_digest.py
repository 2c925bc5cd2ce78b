from __future__ import annotations

import pytest

from flow_widgets.run.digest import digest


def test_equal_values_have_equal_digests():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})


def test_values_that_read_alike_have_digests_of_their_own():
    values = ["1", 1, 1.0, True, "true", None, "null", [], {}, "", "é", "e\u0301"]

    assert len({digest(value) for value in values}) == len(values)


def test_half_of_a_surrogate_pair_has_a_digest():
    assert digest("\ud83d") != digest("\ude00")


@pytest.mark.parametrize("value", [{1, 2}, object(), {"a": b"x"}])
def test_what_is_no_json_data_has_none(value):
    with pytest.raises(TypeError):
        digest(value)


def test_a_value_beyond_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr("flow_widgets.run.digest.MAX_CHARS", 100)

    with pytest.raises(ValueError, match="over the limit of 100"):
        digest("x" * 101)
