"""What every test starts from."""

from __future__ import annotations

from tests.plain_start import start_plainly

start_plainly()
