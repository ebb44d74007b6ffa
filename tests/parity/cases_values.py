"""Events that go through unchanged, and what becomes of return values."""

from __future__ import annotations

from .expectations import goes_on, responds
from .model import BOTH_ENVIRONMENTS, FRAMED_JSON_312, PLAIN_312, Case, Group, call, calls

_CONTENT_TYPE = "Content-Type"
_LONE_SURROGATE = "lone surrogates are escaped rather than fatal"

_EVENTS = (
    Case("a dict", b'{"a": 1, "b": [true, false, null]}'),
    Case("an empty dict", b"{}"),
    Case("a list", b"[1, 2.5, -3e2]"),
    Case("an empty list", b"[]"),
    Case("a string", b'"text"'),
    Case("an empty string", b'""'),
    Case("a number", b"12"),
    Case("a negative zero", b"-0.0"),
    Case("a float with many digits", b"3.141592653589793238462643383279"),
    Case("a large exponent", b"1e400"),
    Case("a big int", b"123456789012345678901234567890"),
    Case("true", b"true"),
    Case("null", b"null"),
    Case("nested", b'{"a": {"b": {"c": [[[{}]]]}}}'),
    Case("the same key twice", b'{"a": 1, "a": 2}'),
    Case("blanks around", b' \r\n\t{ "a" :\n1 } \n'),
    Case("non-ASCII", '{"é": "ünïcödé 中文"}'.encode()),
    Case("non-ASCII, escaped", b'"\\u00e9 \\u4e2d"'),
    Case("emoji", '"👍🏽"'.encode()),
    Case("emoji, escaped", b'"\\ud83d\\udc4d"'),
    Case("line separators", '"a\u2028b\u2029c"'.encode()),
    Case("a control character, escaped", b'"\\u0000\\u001f"'),
    Case("a control character, not escaped", b'"a\nb"'),
    Case("NaN", b"NaN"),
    Case("Infinity", b"[Infinity, -Infinity]"),
    Case("a byte order mark", b"\xef\xbb\xbf" + b'{"a": 1}'),
    Case("UTF-16", '{"a": 1}'.encode("utf-16")),
    Case("UTF-16 without a mark", '{"a": 1}'.encode("utf-16-le")),
    Case("UTF-32", '{"a": 1}'.encode("utf-32")),
    Case("no JSON", b"not json"),
    Case("cut off", b'{"a": '),
    Case("single quotes", b"{'a': 1}"),
    Case("a comma too many", b"[1, 2,]"),
    Case("two values", b"{} {}"),
    Case("bytes that are not UTF-8", b'"\xff\xfe"'),
    Case("an empty body", b""),
    Case("only blanks", b"  \n"),
    Case("very deep", b"[" * 100_000 + b"]" * 100_000),
    Case("300 kB", b'"' + b"x" * 300_000 + b'"'),
    Case("content type text", b"plain text", {_CONTENT_TYPE: "text/plain"}),
    Case("content type octet-stream", bytes(range(256)), {_CONTENT_TYPE: "application/octet-stream"}),
    Case("another content type, empty body", b"", {_CONTENT_TYPE: "application/octet-stream"}),
    Case("content type of another JSON", b'{"a": 1}', {_CONTENT_TYPE: "application/problem+json"}),
    Case(
        "content type with a charset",
        b'{"a":1}',
        {_CONTENT_TYPE: "application/json; charset=utf-8"},
        better=responds("JSON with parameters is parsed", b'{"a": 1}'),
    ),
    Case(
        "content type in capitals",
        b'{"a":1}',
        {_CONTENT_TYPE: "Application/JSON"},
        better=responds("JSON in another case is parsed", b'{"a": 1}'),
    ),
    Case(
        "no content type",
        b'{"a":1}',
        {_CONTENT_TYPE: None},
        better=responds("an event without content type is parsed", b'{"a": 1}'),
        alone=True,
    ),
    Case(
        "a blank content type",
        b'{"a":1}',
        {_CONTENT_TYPE: ""},
        better=responds("an event with a blank content type is parsed", b'{"a": 1}'),
        alone=True,
    ),
    Case(
        "a lone surrogate",
        b'"a\\ud800b"',
        better=responds(_LONE_SURROGATE, b'"a\\ud800b"'),
        alone=True,
    ),
    Case("invocation id", b"1", {"Lambda-Runtime-Invocation-Id": "invocation-7"}),
    Case("invocation id, refused event", b"no JSON", {"Lambda-Runtime-Invocation-Id": "invocation-8"}),
    Case("an empty invocation id", b"1", {"Lambda-Runtime-Invocation-Id": ""}),
)

_ANSWERS = (
    Case("response refused, too large", b"1", post_status=413, better=goes_on("a refusal is survived"), alone=True),
    Case("response refused, late", b"1", post_status=410, better=goes_on("a refusal is survived"), alone=True),
    Case("response refused, bad", b"1", post_status=400, better=goes_on("a refusal is survived"), alone=True),
    Case("error refused", b"no JSON", post_status=400, better=goes_on("a refusal is survived"), alone=True),
    Case(
        "next without content",
        raw_answer=b"HTTP/1.1 204 No Content\r\n\r\n",
        better=goes_on("polls again"),
        alone=True,
    ),
)

_VALUES = (
    *calls("decimals", "decimal_nan", "decimal_infinity", "bare_decimal", "float_nan_and_infinity", "floats"),
    *calls("big_ints", "fraction", "complex_number", "subclasses_of_scalars"),
    *calls("namedtuples", "object_with_asdict", "object_with_asdict_none", "object_with_asdict_no_dict"),
    *calls("object_with_for_json", "dict_with_asdict", "tuples", "dict_and_list_subclasses", "key_order"),
    *calls("empty_things", "circular_list", "circular_dict", "too_deep", "dataclass", "generator"),
    *calls("plain_object", "function", "an_exception", "a_set", "a_deque", "range_object", "dict_views"),
    *calls("date_and_time", "uuid_value"),
    *calls("bytes_keys", "scalar_keys", "nan_and_infinity_keys", "decimal_key", "tuple_key", "date_key"),
    *calls("same_key_twice", "str_subclass_key", "raw_json_key"),
    *calls("enum_value", "enum_key", "str_enum_value", "str_enum_key", "int_enum_value", "int_enum_key"),
    *calls("bytes_response", "empty_bytes", "bytes_subclass", "bytearray_response", "memoryview_response"),
    *calls("nested_bytes", "nested_bytes_not_utf8", "raw_json", "simplejson_text"),
    *calls("non_ascii", "emoji", "line_separators", "control_characters", "none", "true"),
    call("surrogate_pair_as_two", alone=True, better=responds(_LONE_SURROGATE, b'"\\ud83d\\udc4d"')),
    call("lone_surrogate", alone=True, better=responds(_LONE_SURROGATE, b'{"\\udcff": "a\\ud800b"}')),
)

GROUPS = (
    Group("echo", _EVENTS, function="echo", variants=BOTH_ENVIRONMENTS),
    Group("answers of the platform", _ANSWERS, function="echo", variants=(PLAIN_312,)),
    Group("values", _VALUES, function="values", variants=BOTH_ENVIRONMENTS),
    Group(
        "faults of events and values",
        (
            Case("no JSON", b"not json"),
            *calls("a_set", "circular_dict", "nested_bytes_not_utf8", "enum_key", "plain_object"),
        ),
        function="values",
        variants=(FRAMED_JSON_312,),
    ),
)
