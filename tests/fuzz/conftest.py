"""The same examples in every run, and no more of them than take a few seconds; ``make fuzz`` is for the others."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("bounded", derandomize=True, max_examples=100, database=None, deadline=None)
settings.load_profile("bounded")
