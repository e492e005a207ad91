"""The bucket of requests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api.security import rate
from api.security.rate import RateLimiter


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@given(
    st.integers(1, 60),
    st.lists(st.tuples(st.floats(0, 30), st.sampled_from("ab")), max_size=200),
)
def test_never_more_than_a_burst_and_the_rate(
    per_minute: int, asked: list[tuple[float, str]]
) -> None:
    clock = Clock()
    limiter = RateLimiter(per_minute, clock)
    passed: dict[str, int] = {}
    for pause_s, key in asked:
        clock.now_s += pause_s
        wait_s = limiter.wait_s(key)
        if wait_s == 0:
            passed[key] = passed.get(key, 0) + 1
        else:
            assert 0 < wait_s <= 60 / per_minute + 1e-9
    for count in passed.values():
        assert count <= per_minute + clock.now_s * per_minute / 60 + 1e-6


def test_whoever_waits_as_told_passes() -> None:
    clock = Clock()
    limiter = RateLimiter(2, clock)
    assert [limiter.wait_s("a") for _ in range(2)] == [0, 0]
    clock.now_s += limiter.wait_s("a") + 1e-9
    assert limiter.wait_s("a") == 0
    assert limiter.wait_s("b") == 0


def test_those_who_are_gone_are_forgotten() -> None:
    clock = Clock()
    limiter = RateLimiter(60, clock)
    for number in range(rate._MANY + 1):
        limiter.wait_s(str(number))
    clock.now_s += 120
    limiter.wait_s("new")
    assert set(limiter._buckets) == {"new"}
