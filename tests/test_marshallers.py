"""OrjsonMarshaller beside the default marshaller: what is alike, what differs, and how it is used.

The classes of differences are the rows of docs/marshallers.md.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import json
import math
import re
import subprocess
import sys
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
import simplejson

from ric import LambdaRuntimeClient, Marshaller, OrjsonMarshaller
from ric.api.marshal import LambdaMarshaller
from ric.errors import FaultException
from tests.image import REPOSITORY, TIMEOUT_S, clean_environment
from tests.scripted_api import (
    ACCEPTED,
    INIT_ERROR,
    answer,
    error_path,
    event,
    read,
    response_path,
    run_to_its_end,
    run_until_complete,
)

DEFAULT = LambdaMarshaller()
ORJSON = OrjsonMarshaller()


class Point(NamedTuple):
    x: int


class Colour(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


class Letter(str, enum.Enum):
    A = "a"


@dataclasses.dataclass
class Record:
    a: int


class OwnTuple(tuple):  # type: ignore[type-arg]
    pass


class OwnFloat(float):
    pass


class OwnList(list):  # type: ignore[type-arg]
    pass


class AsDict:
    def _asdict(self) -> dict[str, int]:
        return {"a": 1}


class ListAsDict(list):  # type: ignore[type-arg]
    def _asdict(self) -> dict[str, int]:
        return {"a": 1}


def nested(depth: int) -> list[Any]:
    """Returns a list in a list, so many times."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def encoded(marshaller: Marshaller, value: object) -> str:
    """Returns the text of a result, or the type of the error."""
    try:
        body, content_type = marshaller.marshal_response(value)
    except FaultException as error:
        assert error.msg.startswith("Unable to marshal response: ")
        return error.exception_type
    assert content_type == "application/json"
    return body if isinstance(body, str) else body.decode()


def decoded(marshaller: Marshaller, body: bytes) -> object:
    """Returns an event, or the type of the error."""
    try:
        return marshaller.unmarshal_request(body, "application/json")
    except FaultException as error:
        assert error.msg.startswith("Unable to unmarshal input: ")
        return error.exception_type


def name_of(value: object) -> str:
    """Return what a value is called in the name of its test, which is the same in each run."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


class TestAlike:
    """What both do."""

    @pytest.mark.parametrize(
        "value",
        [
            *(None, True, 0, 2**63, 2**64 - 1, -(2**63), 1.0, -0.0, 1e16, 5e-324, "", 'text \0 \n \\ "'),
            *([], {}, [1, [2]], (1, 2), {"a": {"b": None}}, OwnList([1]), collections.OrderedDict(a=1)),
            *(Number.ONE, Letter.A, {Number.ONE: 1}, {Letter.A: 1}),
            *(Decimal("1.10"), Decimal("-0"), Decimal("1E+5"), Decimal("0." + "123456789" * 9), Decimal(10**40)),
            *(Point(1), [Point(2)], {"p": Point(3)}, OwnTuple((1, 2)), AsDict(), OwnFloat(1.5)),
            *({"nested": b"bytes"}, [b"more"]),
            *({1: "int"}, {None: "none"}, {True: "bool"}, {1.5: "float"}, {1: "a", "1": "b"}),
        ],
        ids=name_of,
    )
    def test_results(self, value: object) -> None:
        """These come out equal, but for the blanks between them."""
        expected = encoded(DEFAULT, value)
        assert encoded(ORJSON, value) == expected.replace(": ", ":").replace(", ", ",")

    @pytest.mark.parametrize(
        "value",
        [
            *({1, 2}, object(), 1j, range(3), iter(""), bytearray(b"x"), memoryview(b"x"), Record),
            *(datetime.timedelta(1), collections.deque([1]), collections.UserDict(a=1)),
            *({(1, 2): 1}, {Decimal(1): 1}, {"a": b"\xff"}),
        ],
        ids=name_of,
    )
    def test_results_that_are_no_json(self, value: object) -> None:
        """These are marshalling errors with both."""
        assert encoded(DEFAULT, value) == encoded(ORJSON, value) == "Runtime.MarshalError"

    def test_result_that_refers_to_itself(self) -> None:
        """A circle is a marshalling error with both."""
        circle: list[object] = []
        circle.append(circle)
        assert encoded(DEFAULT, circle) == encoded(ORJSON, circle) == "Runtime.MarshalError"

    @pytest.mark.parametrize(
        "body",
        [
            *(b"null", b" 1 ", b"-0", b"1E5", b"0.1", b"1.23456789012345678901", b"18446744073709551615"),
            *(b'"\\u0000 \\ud83d\\ude00 \xc3\xa9"', b'{"a": 1, "a": 2}', b"[" * 500 + b"]" * 500),
            *(b"", b"{", b"[1,]", b"01", b"1.", b".5", b"NaN", b"Infinity", b"1 2", b'"\xff"', b'"\xed\xa0\x80"'),
            *(b'"a\nb"', b"[" * 100_000, "[]".encode("utf-16")),
        ],
        ids=lambda body: repr(body[:40]),
    )
    def test_events(self, body: bytes) -> None:
        """These are decoded, or refused, by both in the same way."""
        expected = decoded(DEFAULT, body)
        assert decoded(ORJSON, body) == expected
        assert type(decoded(ORJSON, body)) is type(expected)

    @pytest.mark.parametrize(
        "content_type",
        [None, "", " ", "application/json", "Application/JSON", "application/json; charset=utf-8", "text/plain", "a/b"],
    )
    def test_content_types(self, content_type: str | None) -> None:
        """What counts as JSON is the same; any other event reaches the handler as bytes."""
        expected = DEFAULT.unmarshal_request(b"[1]", content_type)
        assert ORJSON.unmarshal_request(b"[1]", content_type) == expected

    def test_bytes_pass(self) -> None:
        """Bytes are sent as they are, as application/unknown."""
        assert ORJSON.marshal_response(b"\xff") == DEFAULT.marshal_response(b"\xff") == (b"\xff", "application/unknown")

    def test_text_event(self) -> None:
        """Those who call it with text get the same, too."""
        assert ORJSON.unmarshal_request("[1]") == DEFAULT.unmarshal_request("[1]") == [1]


class TestDifferentResults:
    """Results that differ."""

    @pytest.mark.parametrize(
        ("value", "by_default", "by_orjson"),
        [
            ({"a": [1, 2]}, '{"a": [1, 2]}', '{"a":[1,2]}'),
            ("\u00e9", '"\\u00e9"', '"\u00e9"'),
            (1e-5, "1e-05", "0.00001"),
        ],
    )
    def test_notation(self, monkeypatch: pytest.MonkeyPatch, value: object, by_default: str, by_orjson: str) -> None:
        """No blanks, no escapes that JSON does not need, another form of small numbers: the values are equal."""
        monkeypatch.delenv("AWS_EXECUTION_ENV", raising=False)
        assert encoded(LambdaMarshaller(), value) == by_default
        assert encoded(ORJSON, value) == by_orjson
        assert json.loads(by_default) == json.loads(by_orjson)

    @pytest.mark.parametrize(
        ("value", "by_default"),
        [
            (math.nan, "NaN"),
            (-math.inf, "-Infinity"),
            (Decimal("NaN"), "NaN"),
            (Decimal("-sNaN"), "NaN"),
            (Decimal("Infinity"), "Infinity"),
        ],
    )
    def test_not_a_number(self, value: object, by_default: str) -> None:
        """NaN and infinity, float or Decimal, become null; the default's are no JSON."""
        assert encoded(DEFAULT, value) == by_default
        assert encoded(ORJSON, value) == "null"

    def test_not_a_number_as_key(self) -> None:
        """So do those that are keys."""
        assert (encoded(DEFAULT, {math.nan: 1}), encoded(ORJSON, {math.nan: 1})) == ('{"NaN": 1}', '{"null":1}')

    @pytest.mark.parametrize("value", [2**64, -(2**63) - 1, {2**64: 1}])
    def test_large_integers(self, value: object) -> None:
        """Integers beyond 64 bits are refused."""
        assert encoded(DEFAULT, value) != "Runtime.MarshalError"
        assert encoded(ORJSON, value) == "Runtime.MarshalError"

    @pytest.mark.parametrize(
        ("value", "by_orjson"),
        [
            (datetime.datetime(2020, 1, 2, 3, 4, 5), '"2020-01-02T03:04:05"'),
            (datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc), '"2020-01-02T00:00:00+00:00"'),
            (datetime.date(2020, 1, 2), '"2020-01-02"'),
            (datetime.time(3, 4), '"03:04:00"'),
            (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
            (Colour.RED, '"red"'),
            (Record(1), '{"a":1}'),
            ({Colour.RED: 1}, '{"red":1}'),
            ({datetime.date(2020, 1, 2): 1}, '{"2020-01-02":1}'),
            ({uuid.UUID(int=1): 1}, '{"00000000-0000-0000-0000-000000000001":1}'),
        ],
        ids=name_of,
    )
    def test_types_that_only_orjson_knows(self, value: object, by_orjson: str) -> None:
        """Times, UUIDs, enumerations and dataclasses are encoded, where the default refuses them."""
        assert encoded(DEFAULT, value) == "Runtime.MarshalError"
        assert encoded(ORJSON, value) == by_orjson

    @pytest.mark.parametrize("value", ["\ud800", {"\ud800": 1}], ids=ascii)
    def test_lone_surrogates(self, value: object) -> None:
        """A lone surrogate is refused, where the default sends the escape for it."""
        assert "\\ud800" in encoded(DEFAULT, value)
        assert encoded(ORJSON, value) == "Runtime.MarshalError"

    @pytest.mark.parametrize("value", [{b"key": 1}, {OwnFloat(1.5): 1}, simplejson.RawJSON("1")])
    def test_refused(self, value: object) -> None:
        """Keys that are bytes or of a subclass of float, and simplejson's RawJSON, are refused."""
        assert encoded(DEFAULT, value) != "Runtime.MarshalError"
        assert encoded(ORJSON, value) == "Runtime.MarshalError"

    def test_fragment(self) -> None:
        """orjson.Fragment takes the place of RawJSON."""
        assert encoded(ORJSON, {"a": orjson.Fragment(b"[1]")}) == '{"a":[1]}'

    def test_lists_with_asdict(self) -> None:
        """A subclass of list or dict stays one, whatever its _asdict() returns."""
        assert (encoded(DEFAULT, ListAsDict([2])), encoded(ORJSON, ListAsDict([2]))) == ('{"a": 1}', "[2]")

    def test_depth(self) -> None:
        """254 levels can be nested; with the default as many as the recursion limit allows."""
        assert encoded(ORJSON, nested(253)) == encoded(DEFAULT, nested(253))
        assert encoded(DEFAULT, nested(255)) == "[" * 256 + "]" * 256
        assert encoded(ORJSON, nested(255)) == "Runtime.MarshalError"


class TestDifferentEvents:
    """Events that differ."""

    @pytest.mark.parametrize("body", [b"18446744073709551616", b"-9223372036854775809"])
    def test_large_integers(self, body: bytes) -> None:
        """Integers beyond 64 bits become floats, where the default keeps their digits."""
        assert decoded(DEFAULT, body) == int(body)
        value = decoded(ORJSON, body)
        assert isinstance(value, float) and value == float(body)

    @pytest.mark.parametrize(
        ("body", "by_default"),
        [(b"1e400", math.inf), (b'"\\ud800"', "\ud800"), (b"\xef\xbb\xbf1", 1)],
        ids=["beyond float", "lone surrogate", "byte order mark"],
    )
    def test_refused(self, body: bytes, by_default: object) -> None:
        """Numbers beyond a float's, escapes of lone surrogates and a byte order mark are refused."""
        assert decoded(DEFAULT, body) == by_default
        assert decoded(ORJSON, body) == "Runtime.UnmarshalError"

    def test_depth(self) -> None:
        """1024 levels can be nested, whatever the recursion limit."""
        assert decoded(ORJSON, b"[" * 1024 + b"]" * 1024) != "Runtime.UnmarshalError"
        assert decoded(ORJSON, b"[" * 1025 + b"]" * 1025) == "Runtime.UnmarshalError"


class TestArguments:
    """``default`` and ``option``."""

    def test_default(self) -> None:
        """The function is asked for what nobody else knows, and what it returns is encoded as if it stood there."""
        assert encoded(OrjsonMarshaller(default=sorted), {2, 1}) == "[1,2]"
        assert encoded(OrjsonMarshaller(default=lambda value: Decimal("1.10")), object()) == "1.10"

    def test_default_does_not_replace_what_is_known(self) -> None:
        """Decimals, named tuples and bytes are encoded as without it."""
        value = [Decimal("1.10"), Point(1), b"x", OwnFloat(1.5)]
        assert encoded(OrjsonMarshaller(default=str), value) == '[1.10,{"x":1},"x",1.5]'

    def test_default_that_raises(self) -> None:
        """What it raises is a marshalling error."""
        assert encoded(OrjsonMarshaller(default=lambda value: 1 // 0), object()) == "Runtime.MarshalError"

    def test_option(self) -> None:
        """Options of orjson add to what is always on."""
        marshaller = OrjsonMarshaller(option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
        value = {"b": datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc), 1: 2}
        assert encoded(marshaller, value) == '{"1":2,"b":"2020-01-02T00:00:00Z"}'

    def test_dataclasses_by_default(self) -> None:
        """With OPT_PASSTHROUGH_DATACLASS it is the function that encodes them."""
        marshaller = OrjsonMarshaller(default=dataclasses.astuple, option=orjson.OPT_PASSTHROUGH_DATACLASS)
        assert encoded(marshaller, Record(1)) == "[1]"

    def test_option_that_does_not_exist(self) -> None:
        """A wrong option fails at once, not in each invocation."""
        with pytest.raises(TypeError):
            OrjsonMarshaller(option=1 << 30)


USING_IT = """
import sys
from ric import LambdaRuntimeClient, OrjsonMarshaller
LambdaRuntimeClient.marshaller = OrjsonMarshaller()
def handler(event, context):
    import orjson
    orjson.dumps = orjson.loads = None
    return event
"""


class TestInUse:
    """In a function."""

    def test_serves(self, tmp_path: Path) -> None:
        """Assigned where the module is imported, it decodes events and encodes results, also when orjson is patched."""
        body = '{"key":"\u00e9","list":[1,2.5,null]}'.encode()
        script = [answer(event("1", body)), answer(ACCEPTED), answer(event("2", body)), answer(ACCEPTED), read()]
        _, api = run_until_complete(tmp_path, [script], USING_IT)
        assert [request.body for request in api.requests[1::2]] == [body, body]
        assert api.requests[1].headers["content-type"] == "application/json"

    def test_reports(self, tmp_path: Path) -> None:
        """What it refuses is reported with the error types of the default marshaller, and the next event is served."""
        source = USING_IT.replace("return event", "return 2 ** 64 if event else event")
        bodies = [b"NaN", b"1", b"0"]
        script = [step for body in bodies for step in (answer(event("1", body)), answer(ACCEPTED))]
        _, api = run_until_complete(tmp_path, [[*script, read()]], source)
        assert api.paths[1::2] == [error_path("1"), error_path("1"), response_path("1")]
        types = [json.loads(request.body)["errorType"] for request in api.requests[1:4:2]]
        assert types == ["Runtime.UnmarshalError", "Runtime.MarshalError"]

    def test_without_orjson(self, tmp_path: Path) -> None:
        """Where orjson is not installed, the init error says what to install."""
        source = f"import sys\nsys.modules['orjson'] = None\n{USING_IT}"
        _, api = run_to_its_end(tmp_path, [[answer(ACCEPTED)]], source)
        assert api.paths == [INIT_ERROR]
        document = json.loads(api.requests[0].body)
        assert document["errorType"] == "Runtime.ImportModuleError"
        assert (
            "needs orjson, which is not installed: pip install orjson, or install ric's wheel with its extra [orjson]"
            in (document["errorMessage"])
        )

    def test_orjson_that_breaks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An orjson that is installed but lacks something of its own says what that is."""

        class Broken:
            def find_spec(self, name: str, path: object = None, target: object = None) -> None:
                if name == "orjson":
                    raise ModuleNotFoundError("No module named 'inner'", name="inner")

        monkeypatch.delitem(sys.modules, "orjson")
        monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
        with pytest.raises(ModuleNotFoundError, match="inner"):
            OrjsonMarshaller()


class TestPublicNames:
    """``from ric import ...``"""

    def test_same_objects(self) -> None:
        """The names of the package are those of its modules."""
        from ric.api import client, marshaller, orjson_marshaller

        assert LambdaRuntimeClient is client.LambdaRuntimeClient
        assert Marshaller is marshaller.Marshaller
        assert OrjsonMarshaller is orjson_marshaller.OrjsonMarshaller

    def test_every_public_name_exists(self) -> None:
        """What ``__all__`` promises is there, and a name that is not says so as any module does."""
        import ric

        assert sorted(ric.__all__) == sorted(ric._HOMES)
        assert all(getattr(ric, name) is not None for name in ric.__all__)
        with pytest.raises(AttributeError, match="module 'ric' has no attribute 'nothing'"):
            _ = ric.nothing  # type: ignore[attr-defined]

    def test_importing_the_package_imports_nothing_else(self) -> None:
        """``import ric`` is as cheap as an empty module; each name imports what it needs, orjson not even then."""
        program = """
import sys
before = set(sys.modules)
import ric
print(sorted(set(sys.modules) - before))
ric.OrjsonMarshaller
print([name in sys.modules for name in ("typing", "orjson", "simplejson")])
"""
        done = subprocess.run(
            [sys.executable, "-S", "-c", program],
            env=clean_environment(PYTHONPATH=str(REPOSITORY)),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
        assert done.stdout.splitlines() == ["['ric']", "[False, False, False]"]

    def test_for_type_checkers(self, tmp_path: Path) -> None:
        """A strict type checker knows the names, and takes any object with the two methods for a Marshaller."""
        pytest.importorskip("mypy")
        (tmp_path / "user.py").write_text("""
from ric import LambdaRuntimeClient, Marshaller, OrjsonMarshaller
from ric.api.marshal import LambdaMarshaller

class Mine:
    def unmarshal_request(self, body: bytes, kind: str | None) -> list[int]:
        return []
    def marshal_response(self, result: object) -> tuple[str, str]:
        return "", "a/b"

class Wrong:
    def unmarshal_request(self, body: bytes, kind: str | None) -> list[int]:
        return []

marshallers: list[Marshaller] = [OrjsonMarshaller(default=str, option=1), LambdaMarshaller(), Mine()]
LambdaRuntimeClient.marshaller = marshallers[0]
marshallers.append(Wrong())  # type: ignore[arg-type]
""")
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "user.py"],
            cwd=tmp_path,
            env=clean_environment(MYPYPATH=str(REPOSITORY)),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout
