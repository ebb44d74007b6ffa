"""Returns values that a JSON encoder has to decide about; the event is the name of the function that makes one."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import fractions
import uuid
from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any, NamedTuple

import simplejson
from simplejson.raw_json import RawJSON


def handler(event: str, context: Any) -> Any:
    """Return what the named function returns."""
    return globals()[event]()


# Decimals and other numbers.


def decimals() -> Any:
    return [decimal.Decimal(text) for text in ("1.10", "1E+3", "-0", "0.1234567890123456789012345", "1e-20")]


def decimal_nan() -> Any:
    return [decimal.Decimal("NaN"), decimal.Decimal("-NaN"), decimal.Decimal("sNaN"), decimal.Decimal("NaN123")]


def decimal_infinity() -> Any:
    return [decimal.Decimal("Infinity"), decimal.Decimal("-Infinity")]


def bare_decimal() -> Any:
    return decimal.Decimal("3.14")


def float_nan_and_infinity() -> Any:
    return {"nan": float("nan"), "plus": float("inf"), "minus": float("-inf")}


def floats() -> Any:
    return [0.1, -0.0, 1e16, 1e100, 1.0, 5e-324, 123456789.123456789]


def big_ints() -> Any:
    return [2**53, 2**64, -(2**200)]


def fraction() -> Any:
    return fractions.Fraction(1, 3)


def complex_number() -> Any:
    return 1j


class IntSubclass(int):
    def __repr__(self) -> str:
        return "an int"


class FloatSubclass(float):
    def __repr__(self) -> str:
        return "a float"


class StrSubclass(str):
    def __str__(self) -> str:
        return "a str"


def subclasses_of_scalars() -> Any:
    return [IntSubclass(1), FloatSubclass(1.5), StrSubclass("text")]


# Objects and lists.


Point = namedtuple("Point", ["x", "y"])


class TypedPoint(NamedTuple):
    x: int
    y: int


def namedtuples() -> Any:
    return [Point(1, 2), {"nested": TypedPoint(3, Point(4, 5))}]


class AsDict:
    def _asdict(self) -> dict[str, Any]:
        return {"b": 1, "a": [Point(1, 2)]}


class AsDictThatIsNone:
    _asdict = None


class AsDictThatIsNoDict:
    def _asdict(self) -> list[int]:
        return [1]


class ForJson:
    def for_json(self) -> str:
        return "for json"


def object_with_asdict() -> Any:
    return AsDict()


def object_with_asdict_none() -> Any:
    return AsDictThatIsNone()


def object_with_asdict_no_dict() -> Any:
    return AsDictThatIsNoDict()


def object_with_for_json() -> Any:
    return ForJson()


class DictWithAsDict(dict):  # type: ignore[type-arg]
    def _asdict(self) -> dict[str, Any]:
        return {"from": "_asdict"}


def dict_with_asdict() -> Any:
    return DictWithAsDict(own="value")


def tuples() -> Any:
    return (1, (2, ()), [])


def dict_and_list_subclasses() -> Any:
    return [OrderedDict([("z", 1), ("a", 2)]), defaultdict(list, key=[1])]


def key_order() -> Any:
    return {"z": 1, "a": 2, "M": {"2": 1, "1": 2}}


def empty_things() -> Any:
    return [{}, [], "", (), {"": ""}]


def circular_list() -> Any:
    value: list[Any] = [1]
    value.append(value)
    return value


def circular_dict() -> Any:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


def too_deep() -> Any:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


@dataclasses.dataclass
class Data:
    x: int = 1


def dataclass() -> Any:
    return Data()


def generator() -> Any:
    return (number for number in range(3))


def plain_object() -> Any:
    return object()


def function() -> Any:
    return handler


def an_exception() -> Any:
    return ValueError("returned, not raised")


def a_set() -> Any:
    return {"only one"}


def a_deque() -> Any:
    return deque([1])


def range_object() -> Any:
    return range(3)


def dict_views() -> Any:
    return {"a": 1}.keys()


def date_and_time() -> Any:
    return {"at": datetime.datetime(2024, 1, 2, 3, 4, 5)}


def uuid_value() -> Any:
    return uuid.UUID(int=1)


# Keys.


def bytes_keys() -> Any:
    return {b"key": 1, "é".encode(): 2}


def scalar_keys() -> Any:
    return {1: "int", True: "is 1, so replaces it", False: "false", None: "null", 1.5: "float", 2**70: "big"}  # noqa: F601 - how dicts see it is the point


def nan_and_infinity_keys() -> Any:
    return {float("nan"): 1, float("inf"): 2, float("-inf"): 3}


def decimal_key() -> Any:
    return {decimal.Decimal("1.50"): 1}


def tuple_key() -> Any:
    return {(1, 2): 1}


def date_key() -> Any:
    return {datetime.date(2024, 1, 2): 1}


def same_key_twice() -> Any:
    return {1: "int", "1": "str"}


def str_subclass_key() -> Any:
    return {StrSubclass("key"): 1}


def raw_json_key() -> Any:
    return {RawJSON("{}"): 1}


class Colour(enum.Enum):
    RED = "red"


class StrColour(str, enum.Enum):
    RED = "red"


class IntColour(enum.IntEnum):
    RED = 1


def enum_value() -> Any:
    return Colour.RED


def enum_key() -> Any:
    return {Colour.RED: 1}


def str_enum_value() -> Any:
    return StrColour.RED


def str_enum_key() -> Any:
    return {StrColour.RED: 1}


def int_enum_value() -> Any:
    return IntColour.RED


def int_enum_key() -> Any:
    return {IntColour.RED: 1}


# Bytes and text.


def bytes_response() -> Any:
    return b"\x00\xff raw \r\n bytes"


def empty_bytes() -> Any:
    return b""


class BytesSubclass(bytes):
    pass


def bytes_subclass() -> Any:
    return BytesSubclass(b"sub")


def bytearray_response() -> Any:
    return bytearray(b"array")


def memoryview_response() -> Any:
    return memoryview(b"view")


def nested_bytes() -> Any:
    return {"bytes": "é".encode(), "list": [b"x"]}


def nested_bytes_not_utf8() -> Any:
    return {"bytes": b"\xff"}


def raw_json() -> Any:
    return {"raw": RawJSON('{"not":   "touched"}')}


def simplejson_text() -> Any:
    return simplejson.dumps({"already": "encoded"})


def non_ascii() -> Any:
    return {"é": "ünïcödé 中文 \x7f\x80\xff"}


def emoji() -> Any:
    return "👍🏽 and 👨‍👩‍👧"


def line_separators() -> Any:
    return "a\u2028b\u2029c"


def control_characters() -> Any:
    return "".join(map(chr, range(32))) + '"\\/</script>&'


def surrogate_pair_as_two() -> Any:
    return "\ud83d\udc4d"


def lone_surrogate() -> Any:
    return {"\udcff": "a\ud800b"}


def none() -> Any:
    return None


def true() -> Any:
    return True
