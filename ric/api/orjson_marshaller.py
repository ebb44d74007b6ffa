"""JSON by orjson, in place of simplejson: several times as fast on large events and results.

Rules: what orjson refuses and the default marshaller knows is encoded as the default does it, wherever orjson lets us.
The differences that remain are listed in docs/marshallers.md, each with a test. orjson is imported when a marshaller
is made, so that this module can be imported, for its types, where orjson is not installed.
"""

from __future__ import annotations

from decimal import Decimal

from ric.api.marshal import LambdaMarshaller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


class OrjsonMarshaller(LambdaMarshaller):
    """Decodes and encodes with orjson: ``LambdaRuntimeClient.marshaller = OrjsonMarshaller()``.

    Args:
        default: Called with each value that neither orjson nor this class can encode; returns one that can be, or
            raises. What it is for orjson itself.
        option: Options of orjson, ``orjson.OPT_...`` added up with ``|``; keys other than strings are always allowed.

    Raises:
        ImportError: orjson is not installed.
        TypeError: ``option`` is nothing that orjson knows.
    """

    def __init__(self, default: Callable[[Any], Any] | None = None, option: int = 0) -> None:
        # Taken now, so that a handler which replaces functions of orjson does not change the wire.
        orjson = _import_orjson()
        self._loads = orjson.loads
        self._dumps = orjson.dumps
        self._fragment = orjson.Fragment
        self._default = default
        self._option = option | orjson.OPT_NON_STR_KEYS
        self._dumps(None, option=self._option)

    def _decode(self, request: bytes | str) -> Any:
        return self._loads(request)

    def _encode(self, response: object) -> bytes:
        encoded: bytes = self._dumps(response, self._stand_in, self._option)
        return encoded

    def _stand_in(self, value: Any) -> Any:
        """Returns what is encoded in place of a value that orjson does not know.

        Raises:
            TypeError: There is nothing.
        """
        if isinstance(value, Decimal):
            # As for orjson's floats: JSON has no NaN and no infinity.
            return self._fragment(str(value)) if value.is_finite() else None
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, float):
            return float(value)
        as_dict = getattr(value, "_asdict", None)
        if callable(as_dict):
            return as_dict()
        if isinstance(value, tuple):
            return [*value]
        if self._default is not None:
            return self._default(value)
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _import_orjson() -> ModuleType:
    try:
        import orjson
    except ModuleNotFoundError as error:
        if error.name != "orjson":
            raise
        # Not "pip install ric[orjson]": on the public index the name ric belongs to another project.
        raise ImportError(
            "OrjsonMarshaller needs orjson, which is not installed: pip install orjson, "
            "or install ric's wheel with its extra [orjson]",
            name="orjson",
        ) from error
    module: ModuleType = orjson
    return module
