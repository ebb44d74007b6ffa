"""What function names and regions are made of.

Both stand in ARNs, which reach the runtime in a header field; the function's name is in paths and in the name of its
log group, too. Sources: FunctionName of the action CreateFunction in the Lambda API reference; for regions, what AWS's
SDKs take for a part of a host name.
"""

from __future__ import annotations

import re

NAME = r"[a-zA-Z0-9_-]{1,64}"
NAME_IN_WORDS = "1 to 64 letters from a to z and A to Z, digits, - and _"

REGION = r"[a-zA-Z0-9-]{1,63}"
REGION_IN_WORDS = "the name of a region, such as us-east-1"


def is_function_name(text: str) -> bool:
    """Whether Lambda could give a function this name."""
    return bool(re.fullmatch(NAME, text))


def is_region(text: str) -> bool:
    """Whether a region could have this name."""
    return bool(re.fullmatch(REGION, text))
