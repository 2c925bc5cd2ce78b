"""Gates let calls begin at the rate, and as many at once, as the server bears."""

from __future__ import annotations

import gc
import random
import threading
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from flow_widgets.engine.limits import Busy, Gate, gate_of
from flow_widgets.errors import FlowError
from flow_widgets.providers.openai import OpenAIProvider


def gate(**options: Any) -> Gate:
    made = Gate("gpt-4.1", chance=random.Random(1))
    made.allow(**{"per_minute": None, "max_parallel": None, **options})
    return made


def entered(one: Gate, now: float, most: int = 1000) -> int:
    """Return how many calls may begin now."""
    count = 0
    while count < most and one.enter(now) is None:
        count += 1
    return count


def test_without_limits_everybody_is_let_in() -> None:
    assert entered(gate(), 0.0) == 1000


def test_only_so_many_are_inside_at_once() -> None:
    one = gate(max_parallel=3)

    assert entered(one, 0.0) == 3
    assert one.enter(1.0) is Busy.PLACE
    one.left(ok=False)
    assert entered(one, 1.0) == 1


def test_who_waits_for_a_place_is_told_once() -> None:
    one = gate(max_parallel=1)
    told: list[str] = []
    one.enter(0.0)

    assert one.enter(0.0, lambda: told.append("a")) is Busy.PLACE
    assert one.enter(0.0, lambda: told.append("b")) is Busy.PLACE
    one.left(ok=True)
    one.enter(0.0)
    one.left(ok=True)

    assert told == ["a", "b"]


def test_who_was_let_in_is_not_told() -> None:
    one = gate(max_parallel=1)
    told: list[int] = []

    one.enter(0.0, lambda: told.append(1))
    one.left(ok=True)

    assert told == []


def test_who_no_longer_waits_is_not_told() -> None:
    one = gate(max_parallel=1)
    told: list[int] = []

    def on_free() -> None:
        told.append(1)

    one.enter(0.0)
    one.enter(0.0, on_free)
    one.forget(on_free)
    one.left(ok=True)

    assert told == []


def test_a_larger_limit_tells_those_who_wait() -> None:
    one = gate(max_parallel=1)
    told: list[int] = []
    one.enter(0.0)
    one.enter(0.0, lambda: told.append(1))

    one.allow(per_minute=None, max_parallel=2)

    assert told == [1]
    assert entered(one, 0.0) == 1


def test_a_rate_spreads_calls_evenly() -> None:
    one = gate(per_minute=60)
    begun = []
    now = 0.0
    for _ in range(4):
        wait = one.enter(now)
        while isinstance(wait, float):
            now += wait
            wait = one.enter(now)
        begun.append(round(now, 3))

    assert begun == [0.0, 1.0, 2.0, 3.0]


def test_a_high_rate_allows_a_small_burst_after_a_quiet_time() -> None:
    one = gate(per_minute=300)

    assert entered(one, 0.0) == 5
    assert one.enter(0.0) == pytest.approx(0.2)
    assert entered(one, 60.0) == 5
    assert entered(one, 60.41) == 2


def test_a_minute_holds_no_more_than_the_rate_and_one_burst() -> None:
    one = gate(per_minute=120)

    assert sum(entered(one, tick / 100) for tick in range(6000)) <= 120 + 2


def test_a_refusal_pauses_everybody() -> None:
    one = gate()
    entered(one, 0.0, 8)

    one.refused(0.0, 3.0)
    one.left(ok=False)
    waits = one.enter(1.0)

    assert isinstance(waits, float)
    assert 2.0 <= waits <= 2.2


def test_after_a_pause_calls_begin_one_after_the_other() -> None:
    one = gate()
    entered(one, 0.0, 8)
    one.refused(0.0, 3.0)
    for _ in range(8):
        one.left(ok=False)
    begun = []
    now = 3.0
    while len(begun) < 4:
        wait = one.enter(now)
        if wait is None:
            begun.append(now)
        else:
            assert isinstance(wait, float)
            now += wait

    gaps = [later - earlier for earlier, later in pairwise(begun)]
    assert all(0.04 < gap < 0.16 for gap in gaps)
    assert len(set(gaps)) == 3


def test_a_refusal_halves_what_is_borne_and_each_success_adds_one() -> None:
    one = gate()
    entered(one, 0.0, 8)
    for _ in range(4):
        one.refused(0.1, 1.0)
        one.left(ok=False)
    for _ in range(4):
        one.left(ok=False)

    assert _inside_at_most(one, 10.0) == 4
    one.left(ok=True)
    assert one.successes == 1
    assert _inside_at_most(one, 20.0) == 2
    for _ in range(4):
        one.left(ok=True)
    assert _inside_at_most(one, 30.0) == 100


def test_what_is_borne_never_falls_below_one() -> None:
    one = gate()
    for now in (0.0, 10.0, 20.0):
        assert _inside_at_most(one, now, 1) == 1
        one.refused(now + 5, 1.0)
        one.left(ok=False)

    assert _inside_at_most(one, 30.0) == 1


def test_without_a_word_of_the_server_pauses_double() -> None:
    one = gate()
    pauses = []
    now = 0.0
    for _ in range(6):
        _inside_at_most(one, now, 1)
        one.refused(now)
        one.left(ok=False)
        wait = one.enter(now)
        assert isinstance(wait, float)
        pauses.append(wait)
        now += 100.0

    assert [round(pause, 0) for pause in pauses] == [round(p, 0) for p in (0.55, 1, 2, 4, 8, 8)]


def test_others_are_not_held_up_for_an_hour() -> None:
    one = gate()
    entered(one, 0.0, 8)

    one.refused(0.0, 3600.0)
    for _ in range(8):
        one.left(ok=False)

    assert one.enter(0.0) is None


def test_providers_of_one_server_share_a_gate_for_each_model() -> None:
    first = OpenAIProvider("http://127.0.0.1:9/v1", "sk-first-key")
    second = OpenAIProvider("http://user:secret@127.0.0.1:9/v1", "sk-second-key")
    other = OpenAIProvider("http://127.0.0.1:10/v1")

    assert gate_of(first, "a") is gate_of(second, "a")
    assert gate_of(first, "a") is not gate_of(first, "b")
    assert gate_of(first, "a") is not gate_of(other, "a")
    assert second.limit_key == "http://127.0.0.1:9/v1"


def test_openai_itself_has_a_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)

    assert OpenAIProvider().limit_key == "api.openai.com"


def test_a_gate_has_the_limits_of_the_provider_that_was_used_last() -> None:
    strict = OpenAIProvider("http://127.0.0.1:11/v1", max_parallel=1, requests_per_minute=60)
    free = OpenAIProvider("http://127.0.0.1:11/v1")

    assert entered(gate_of(strict, "m"), 0.0) == 1
    assert entered(gate_of(free, "m"), 0.0) == 1000


@pytest.mark.parametrize("option", ["max_parallel", "requests_per_minute"])
def test_a_limit_lets_something_through(option: str) -> None:
    with pytest.raises(FlowError, match=f"{option} is 0, so that no call could begin."):
        OpenAIProvider(**{option: 0})


class Own:
    """A provider of the user's own, as far as gates look at it."""

    name = "own"


class Slotted:
    """One that takes no weak reference."""

    __slots__ = ("name",)


def test_other_providers_have_gates_of_their_own() -> None:
    first, second, slotted = Own(), Own(), Slotted()

    assert gate_of(first, "a") is gate_of(first, "a")
    assert gate_of(first, "a") is not gate_of(second, "a")
    assert gate_of(slotted, "a") is gate_of(slotted, "a")
    assert gate_of(first, None).reason == "rate limit of own"


def test_a_gate_goes_with_its_provider() -> None:
    own = Own()
    number = id(gate_of(own, "a"))
    gate_of(own, "a").left(ok=True)

    del own
    gc.collect()
    again = Own()

    assert gate_of(again, "a").successes == 0
    assert number


def test_a_gate_says_what_is_waited_for_and_no_more() -> None:
    one = gate_of(SimpleNamespace(name="x", limit_key="k"), "gpt-4.1")

    assert one.reason == "rate limit of gpt-4.1"
    assert repr(one) == "Gate('gpt-4.1', inside=0, borne=None)"


def test_threads_never_get_one_place_twice() -> None:
    one = gate(max_parallel=2)
    inside, most, lock = 0, 0, threading.Lock()
    free = threading.Semaphore(0)

    def call() -> None:
        nonlocal inside, most
        for _ in range(200):
            while one.enter(0.0, free.release) is not None:
                free.acquire(timeout=5)
            with lock:
                inside += 1
                most = max(most, inside)
            with lock:
                inside -= 1
            one.left(ok=True)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert not any(thread.is_alive() for thread in threads)
    assert 1 <= most <= 2
    assert one.successes == 800


def _inside_at_most(one: Gate, start: float, most: int = 100) -> int:
    """Let in whom the gate lets in, with time for its pauses, and return how many more those are."""
    count, now = 0, start
    while count < most:
        wait = one.enter(now)
        if wait is Busy.PLACE:
            break
        if wait is None:
            count += 1
        else:
            assert isinstance(wait, float)
            now += wait
    return count
