"""``python -m ric.local [--host HOST] [--port PORT] COMMAND [ARG...]``"""

from __future__ import annotations

import sys

from ric.local.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
