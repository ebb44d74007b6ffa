"""``python -m ric.cli``, the same as ``ric``."""

from __future__ import annotations

import sys

from ric.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
