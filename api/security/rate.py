"""How many requests somebody may send, counted in this process: a bucket that fills evenly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

_MANY = 10_000


@dataclass(slots=True)
class _Bucket:
    left: float
    filled_s: float


class RateLimiter:
    """At most ``per_minute`` requests of each key in a burst, and so many a minute after it."""

    def __init__(self, per_minute: int, clock_s: Callable[[], float]) -> None:
        self._size = float(per_minute)
        self._per_s = per_minute / 60
        self._clock_s = clock_s
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def wait_s(self, key: str) -> float:
        """0 if the request may pass, which counts it; else for how long it has to wait."""
        with self._lock:
            now_s = self._clock_s()
            if len(self._buckets) > _MANY:
                self._forget(now_s)
            bucket = self._buckets.setdefault(key, _Bucket(self._size, now_s))
            gained = (now_s - bucket.filled_s) * self._per_s
            bucket.left, bucket.filled_s = min(self._size, bucket.left + gained), now_s
            if bucket.left < 1:
                return (1 - bucket.left) / self._per_s
            bucket.left -= 1
            return 0.0

    def _forget(self, now_s: float) -> None:
        """Drop those that are full again: as good as never seen."""
        self._buckets = {
            key: bucket
            for key, bucket in self._buckets.items()
            if bucket.left + (now_s - bucket.filled_s) * self._per_s < self._size
        }
