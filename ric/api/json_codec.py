"""JSON with simplejson, whose results are the drop-in promise: Decimal, NaN and named tuples come out as upstream's.

This module is imported when the first answer is due, not before: simplejson takes longer to load than the rest of the
runtime together.
"""

from __future__ import annotations

import math
import sys
from decimal import Decimal
from importlib import import_module
from importlib.machinery import PathFinder
from os.path import dirname

from ric import config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_NAME = "simplejson"


def _trusted_path() -> list[str]:
    """Where simplejson is looked for: beside ric, then in the interpreter's packages, then anywhere.

    A function may have a file called ``simplejson.py`` of its own in the task root, which comes first in ``sys.path``.
    """
    beside_ric = dirname(dirname(dirname(__file__)))
    packages = [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    return [beside_ric, *packages, *sys.path]


def _import_simplejson() -> ModuleType:
    spec = PathFinder.find_spec(_NAME, _trusted_path())
    if spec is None:
        raise ModuleNotFoundError("simplejson is not installed beside ric: pip install simplejson", name=_NAME)
    present = sys.modules.get(_NAME)
    first = PathFinder.find_spec(_NAME) if present is None else present.__spec__
    if first is not None and first.origin == spec.origin:
        return import_module(_NAME)
    return _import_aside(spec.submodule_search_locations)


def _import_aside(locations: list[str] | None) -> ModuleType:
    """Imports simplejson although the user's code has another module of that name, and leaves that one in place."""
    theirs = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == _NAME}
    sys.path.insert(0, dirname((locations or [""])[0]))
    try:
        module = import_module(_NAME)
        # It imports its errors late; from then on the name may be the user's.
        try:  # noqa: SIM105 - contextlib is not on this path
            module.loads("")
        except ValueError:
            pass
        return module
    finally:
        del sys.path[0]
        for name in [name for name in sys.modules if name.partition(".")[0] == _NAME]:
            del sys.modules[name]
        sys.modules.update(theirs)


_simplejson = _import_simplejson()
_RawJSON = _simplejson.raw_json.RawJSON

# Taken now, so that a handler which replaces functions of simplejson does not change the wire.
decode: Any = _simplejson.JSONDecoder().decode


class Encoder(_simplejson.JSONEncoder):  # type: ignore[misc, name-defined]
    """Encodes results exactly as upstream does.

    Non-ASCII characters are escaped unless the managed runtime is Python 3.12 or later (``AWS_EXECUTION_ENV``).
    """

    def __init__(self) -> None:
        super().__init__(use_decimal=False, ensure_ascii=config.ensure_ascii(), allow_nan=True)

    def default(self, obj: object) -> Any:
        """Returns an encodable stand-in for a value that JSON does not know.

        Decimals keep their digits. Decimal's own NaN may be signed, which no parser reads, so it becomes a float's.

        Raises:
            TypeError: There is none.
        """
        if isinstance(obj, Decimal):
            return math.nan if obj.is_nan() else _RawJSON(str(obj))
        return super().default(obj)


def to_json(obj: object) -> str:
    """Returns the value as JSON text, encoded with Encoder.

    Raises:
        TypeError: It holds something that JSON cannot express.
        ValueError: It refers to itself.
    """
    text: str = Encoder().encode(obj)
    return text
