"""The exceptions behind an error, in the document, the X-Ray cause and the log: what is told, bounded and kept."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ric.api.error_fitting import encode_error_document, encode_xray_fault, fit_error_document, shorten_xray_fault
from ric.api.marshal import to_json
from ric.api.protocol import MAX_RESPONSE_BYTES, MAX_XRAY_CAUSE_BYTES, ascii_json
from ric.errors import FaultException
from ric.function.chains import MAX_TOLD, MAX_TOLD_BYTES, add_causes_to_xray
from ric.function.faults import build_fault_result, make_xray_fault
from ric.function.traces import MAX_NOTES, members_of, message_of, notes_of
from ric.process.error_log import log_error

needs_groups = pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")
UPSTREAM_KEYS = ["errorMessage", "errorType", "requestId", "stackTrace"]


def raised(error: BaseException) -> BaseException:
    """Returns the exception with a traceback."""
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 - that is the point
        return caught


def document_of(error: BaseException) -> dict[str, Any]:
    """Returns its error document, as it is after encoding."""
    document: dict[str, Any] = json.loads(
        to_json(build_fault_result((type(error), error, error.__traceback__), None, "1"))
    )
    return document


def xray_of(error: BaseException) -> dict[str, Any]:
    """Returns its X-Ray cause as the platform gets it."""
    fault = add_causes_to_xray(make_xray_fault(type(error).__name__, message_of(error), "/", []), error)
    text = ascii_json(encode_xray_fault(fault, to_json))
    assert len(text) <= MAX_XRAY_CAUSE_BYTES
    cause: dict[str, Any] = json.loads(text)
    return cause


def chain(*errors: BaseException) -> BaseException:
    """Returns the first, which was raised from the second, and so on."""
    for error, cause in itertools.pairwise(errors):
        error.__cause__ = cause
    return errors[0]


def causes(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields all that the document tells, nearest first."""
    pending = [document]
    for parent in pending:
        cause = parent.get("cause", [])
        found = cause if isinstance(cause, list) else [cause]
        yield from found
        pending += found


def group(message: str, *members: Exception) -> BaseException:
    """Returns an exception group."""
    return ExceptionGroup(message, members)  # noqa: F821 - there from 3.11 on


def log_of(document: Any, log_format: str = "TEXT") -> list[str]:
    """Returns the lines of the log record."""
    lines: list[str] = []

    class Sink:
        log_error = staticmethod(lines.extend)

    Sink.log_format = log_format  # type: ignore[attr-defined]
    log_error(document, Sink)
    return lines


class TestDocument:
    """What stands in the keys ``cause``, ``notes`` and ``causesLeftOut``."""

    @pytest.mark.parametrize("error", [ValueError("x"), KeyError(1), BaseException()])
    def test_unchained_errors_are_as_upstreams(self, error: BaseException) -> None:
        """Where there is nothing more to tell, no key is there."""
        assert list(document_of(raised(error))) == UPSTREAM_KEYS

    def test_chain(self) -> None:
        """Each cause has type, message and stack, and the next cause in it."""
        first, second = raised(ValueError("first")), raised(KeyError("second"))
        document = document_of(raised(chain(RuntimeError("error"), second, first)))
        assert list(document) == [*UPSTREAM_KEYS, "cause"]
        cause = document["cause"]
        assert list(cause) == ["errorType", "errorMessage", "stackTrace", "cause"]
        assert (cause["errorType"], cause["errorMessage"]) == ("KeyError", "'second'")
        assert "in raised\n    raise error\n" in cause["stackTrace"][0]
        assert cause["cause"]["errorMessage"] == "first"
        assert "cause" not in cause["cause"]

    def test_explicit_cause_comes_before_the_context(self) -> None:
        """As in a printed traceback, the context shows only where there is no cause and it is not suppressed."""
        error = ValueError()
        error.__context__ = KeyError("context")
        assert document_of(error)["cause"]["errorType"] == "KeyError"
        error.__cause__ = OSError("cause")
        assert document_of(error)["cause"]["errorType"] == "OSError"
        error.__cause__ = None
        assert "cause" not in document_of(error), "raise ... from None"

    @needs_groups
    def test_group(self) -> None:
        """The members of a group are a list, the group's own cause behind them; a member has causes of its own."""
        member = chain(ValueError("one"), OSError("why one"))
        document = document_of(chain(group("several", member, KeyError("two")), TypeError("own")))  # type: ignore[arg-type]
        assert [cause["errorMessage"] for cause in document["cause"]] == ["one", "'two'", "own"]
        assert document["cause"][0]["cause"]["errorMessage"] == "why one"

    @needs_groups
    def test_group_with_one_member(self) -> None:
        """One member is a list, too, and a group within a group a list within."""
        document = document_of(group("outer", group("inner", ValueError("x"))))  # type: ignore[arg-type]
        assert document["cause"][0]["cause"][0]["errorMessage"] == "x"

    def test_group_of_the_backport(self) -> None:
        """The package ``exceptiongroup``, a stand-in on older Pythons, is understood by the name of its class."""

        class BaseExceptionGroup(BaseException):  # noqa: A001, N818, RUF100
            @property
            def exceptions(self) -> tuple[BaseException, ...]:
                return (ValueError("x"), KeyError("y"))

        class Derived(BaseExceptionGroup, Exception):
            exceptions = property(lambda self: 1 / 0)  # type: ignore[assignment]

        assert [cause["errorType"] for cause in document_of(Derived())["cause"]] == ["ValueError", "KeyError"]

    def test_notes(self) -> None:
        """Notes are told for the error and for its causes."""
        error, cause = ValueError("x"), KeyError("y")
        error.__notes__ = ["a note", "é\nsecond line"]  # type: ignore[attr-defined]
        cause.__notes__ = ["another"]  # type: ignore[attr-defined]
        document = document_of(chain(error, cause))
        assert list(document) == [*UPSTREAM_KEYS, "notes", "cause"]
        assert document["notes"] == ["a note", "é\nsecond line"]
        assert document["cause"]["notes"] == ["another"]

    @pytest.mark.parametrize(
        ("notes", "told"),
        [
            ([], []),
            (None, []),
            ("text", ["text"]),
            (5, ["5"]),
            (("a", 1, None), ["a", "1", "None"]),
            ([b"x", ["y"]], ["b'x'", "['y']"]),
            ({"k": 1}, ["{'k': 1}"]),
            (["\ud800"], ["\ud800"]),
            (["n"] * (MAX_NOTES + 3), ["n"] * MAX_NOTES + ["... (3 more notes)"]),
        ],
    )
    def test_odd_notes(self, notes: object, told: list[str]) -> None:
        """Whatever stands in the place of the notes becomes text, and only so many."""
        error = ValueError("x")
        error.__notes__ = notes  # type: ignore[attr-defined]
        assert document_of(error).get("notes", []) == told

    def test_endless_notes(self) -> None:
        """A list of the user's that never ends is read as the list it is."""

        class Endless(list):  # type: ignore[type-arg]
            def __iter__(self) -> Iterator[str]:
                while True:
                    yield "x"

            def __getitem__(self, key: object) -> Any:
                raise KeyboardInterrupt

            def __len__(self) -> int:
                raise SystemExit

        error = ValueError("x")
        error.__notes__ = Endless(["a"])  # type: ignore[attr-defined]
        assert notes_of(error) == ["a"]

    def test_faults_of_rics_own_are_complete(self) -> None:
        """They have a cause only where an import in a file of the user's failed."""
        from ric.bootstrap import _error_document

        for fault_type in ("MARSHAL_ERROR", "UNMARSHAL_ERROR", "HANDLER_NOT_FOUND", "USER_CODE_SYNTAX_ERROR"):
            fault = FaultException(getattr(FaultException, fault_type), "x")
            fault.__notes__ = ["note"]  # type: ignore[attr-defined]
            assert list(_error_document(chain(fault, raised(ImportError("y"))), "1")) == UPSTREAM_KEYS
        fault = FaultException(FaultException.IMPORT_MODULE_ERROR, "x")
        assert list(_error_document(chain(fault, ImportError("never raised")))) == UPSTREAM_KEYS
        assert _error_document(chain(fault, raised(ImportError("y"))))["cause"]["errorMessage"] == "y"

    def test_fault_within_a_chain(self) -> None:
        """A fault that some other exception was raised from is a link like any other."""
        fault = chain(FaultException(FaultException.MARSHAL_ERROR, "x"), KeyError("behind"))
        document = document_of(chain(ValueError(), fault))
        assert [cause["errorType"] for cause in causes(document)] == ["FaultException", "KeyError"]


class TestBounds:
    """Chains without end, groups without number, messages without measure."""

    def test_cycle(self) -> None:
        """Each exception is told once."""
        first, second = ValueError("first"), KeyError("second")
        first.__cause__, second.__cause__ = second, first
        document = document_of(first)
        assert [cause["errorType"] for cause in causes(document)] == ["KeyError"]
        assert "causesLeftOut" not in document
        first.__cause__ = first
        assert "cause" not in document_of(first)

    def test_long_chain(self) -> None:
        """The nearest are told, the others counted."""
        document = document_of(chain(*(ValueError(number) for number in range(10_000))))
        assert [cause["errorMessage"] for cause in causes(document)] == [
            str(number) for number in range(1, MAX_TOLD + 1)
        ]
        assert document["causesLeftOut"] == 9_999 - MAX_TOLD

    @needs_groups
    def test_large_group(self) -> None:
        """The first members are told, the others and their causes counted."""
        members = [chain(ValueError(number), KeyError(number)) for number in range(10_000)]
        document = document_of(group("many", *members))  # type: ignore[arg-type]
        assert [cause["errorMessage"] for cause in document["cause"]] == [str(number) for number in range(MAX_TOLD)]
        assert document["causesLeftOut"] == 20_000 - MAX_TOLD

    @needs_groups
    def test_nesting_that_common_readers_take(self) -> None:
        """A document nests no deeper than 64 levels, where JSON readers give up."""
        nested: Exception = ValueError("innermost")
        for number in range(100):
            nested = group(str(number), nested)  # type: ignore[assignment]
        document = document_of(nested)
        text = to_json(document)
        depth = deepest = 0
        for character in text:
            depth += (character in "{[") - (character in "}]")
            deepest = max(deepest, depth)
        assert 50 < deepest <= 64
        assert len(list(causes(document))) + document["causesLeftOut"] == 100

    @pytest.mark.parametrize("character", ["x", "é", "\x00", "\U0001f600", "\ud800", '"'])
    def test_long_messages(self, character: str) -> None:
        """Long messages of causes are cropped, and say by how much; those of other causes stay."""
        document = document_of(
            chain(
                ValueError("x"),
                KeyError(),
                OSError(character * 2_000_000),
                TypeError("short"),
                ValueError(character * 10**6),
            )
        )
        messages = [cause["errorMessage"] for cause in causes(document)]
        assert messages[1].startswith(character * 1000)
        assert messages[1].endswith(" more characters)")
        assert messages[2] == "short"
        assert len(to_json(document)) <= MAX_TOLD_BYTES * 1.1

    def test_error_that_leaves_no_room(self) -> None:
        """An error that fills the document itself is what the caller gets; its causes are counted."""
        error = chain(ValueError("x" * (MAX_RESPONSE_BYTES - 1000)), KeyError("cause"), OSError("cause"))
        document = document_of(error)
        assert list(document) == [*UPSTREAM_KEYS, "causesLeftOut"]
        assert document["causesLeftOut"] == 2
        assert len(to_json(document)) <= MAX_RESPONSE_BYTES

    @pytest.mark.parametrize("spare", [120, 150, 200])
    def test_low_recursion_limit(self, spare: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Below a low recursion limit less is told, and it can be encoded."""
        frame, depth = sys._getframe(), 0
        while frame := frame.f_back:  # type: ignore[assignment]
            depth += 1
        error = chain(*(ValueError(number) for number in range(1000)))
        limit = sys.getrecursionlimit()
        try:
            sys.setrecursionlimit(depth + spare)
            text = to_json(build_fault_result((type(error), error, None), None, "1"))
        finally:
            sys.setrecursionlimit(limit)
        document = json.loads(text)
        assert 0 < len(list(causes(document))) < MAX_TOLD
        assert len(list(causes(document))) + document["causesLeftOut"] == 999


class TestHostility:
    """Exceptions whose parts misbehave."""

    def test_properties_of_the_users_are_not_asked(self) -> None:
        """What Python keeps is read past properties that raise, lie or never end."""

        class Hostile(Exception):
            __cause__ = __context__ = property(lambda self: 1 / 0)  # type: ignore[assignment]
            __traceback__ = __suppress_context__ = property(lambda self: sys.exit(3))  # type: ignore[assignment]
            __class__ = property(lambda self: 1 / 0)  # type: ignore[assignment]

        cause = Hostile("hostile")
        BaseException.__cause__.__set__(cause, KeyError("behind"))  # type: ignore[attr-defined]
        document = document_of(chain(ValueError("x"), cause))
        assert [told["errorMessage"] for told in causes(document)] == ["hostile", "'behind'"]

    @pytest.mark.parametrize("failure", [lambda self: 1 / 0, lambda self: sys.exit(3), lambda self: str(self)])
    def test_failing_str_and_notes(self, failure: Callable[[Any], Any]) -> None:
        """A cause whose ``__str__`` or ``__notes__`` fails is told with what it has."""
        hostile = type("Hostile", (Exception,), {"__str__": failure, "__notes__": property(failure)})
        document = document_of(chain(ValueError("x"), hostile(), KeyError("behind")))
        assert [told["errorType"] for told in causes(document)] == ["Hostile", "KeyError"]
        assert "whose str() raised" in document["cause"]["errorMessage"]

    def test_text_of_a_class_of_the_users(self) -> None:
        """A message is plain text, whatever class of text ``__str__`` returned."""

        class Text(str):
            __len__ = __bool__ = __getitem__ = property(lambda self: 1 / 0)  # type: ignore[assignment]

        error = type("E", (Exception,), {"__str__": lambda self: Text("text")})()
        assert type(message_of(error)) is str
        assert document_of(chain(error, error.__class__()))["cause"]["errorMessage"] == "text"

    def test_metaclass(self) -> None:
        """The name of a class is what Python calls it."""
        metaclass = type("Meta", (type,), {"__name__": property(lambda self: 1 / 0), "__mro__": 5})
        error = metaclass("Named", (Exception,), {})("x")
        assert document_of(error)["errorType"] == "Named"
        assert document_of(chain(ValueError(), error))["cause"]["errorType"] == "Named"

    @needs_groups
    def test_members_that_misbehave(self) -> None:
        """The members of a group are the ones that it was made of, whatever ``exceptions`` says."""
        hostile = type("Group", (ExceptionGroup,), {"exceptions": property(lambda self: 1 / 0)})  # noqa: F821
        error = hostile("x", [ValueError("member")])
        assert members_of(error)[0].args == ("member",)  # type: ignore[index]
        assert document_of(error)["cause"][0]["errorMessage"] == "member"

    def test_a_class_that_only_has_the_name(self) -> None:
        """Something called BaseExceptionGroup that is none is an ordinary exception."""
        assert members_of(type("BaseExceptionGroup", (Exception,), {})()) is None
        assert members_of(type("BaseExceptionGroup", (Exception,), {"exceptions": 5})()) is None


class TestXray:
    """Further exceptions of the X-Ray cause."""

    def test_further_exceptions(self) -> None:
        """Causes are further exceptions in the same shape, and their files are among the paths."""
        cause = xray_of(chain(ValueError("error"), raised(KeyError("cause"))))
        assert [exception["message"] for exception in cause["exceptions"]] == ["error", "'cause'"]
        assert list(cause["exceptions"][1]) == ["message", "type", "stack"]
        assert cause["exceptions"][1]["stack"][0]["label"] == "raised"
        assert cause["paths"] == [__file__]

    def test_unchained_is_as_before(self) -> None:
        """Without causes the very document comes back."""
        fault = make_xray_fault("E", "x", "/", [])
        assert add_causes_to_xray(fault, ValueError()) is fault

    def test_shortened_from_the_end(self) -> None:
        """What is too long loses causes first: the first exception stays as it is, and the nearest come next."""
        error = chain(ValueError("first" * 5000), *(KeyError(str(number) * 4000) for number in range(60)))
        exceptions = xray_of(error)["exceptions"]
        assert exceptions[0]["message"] == "first" * 5000
        assert len(exceptions) > 5
        assert [exception["message"][1] for exception in exceptions[1:6]] == list("01234")

    def test_first_exception_alone(self) -> None:
        """If there is not room for the first, no other is there."""
        exceptions = xray_of(chain(ValueError("first" * 50_000), KeyError("x")))["exceptions"]
        assert len(exceptions) == 1
        assert exceptions[0]["message"].startswith("firstfirst")

    @pytest.mark.parametrize(
        "fault",
        [{}, {"exceptions": None}, {"exceptions": []}, {"exceptions": [5], "paths": 3}, {"exceptions": [{}] * 3}],
    )
    def test_replaced_by_something_odd(self, fault: dict[str, Any]) -> None:
        """A cause of another form goes out as it is, with the causes where there is a place for them."""
        text = encode_xray_fault(add_causes_to_xray(fault, chain(ValueError(), KeyError())), to_json)
        assert json.loads(text) == fault

    def test_that_cannot_be_encoded(self) -> None:
        """Then there is none, and the error is posted all the same."""
        assert encode_xray_fault({"exceptions": object()}, to_json) == ""

    def test_input_is_not_changed(self) -> None:
        """Shortening makes a new document."""
        fault = make_xray_fault("E", "x" * 100_000, "/", [("p", 1, "f", None)])
        before = json.dumps(fault)
        shorten_xray_fault(fault, to_json)
        assert json.dumps(fault) == before


class TestFitting:
    """Documents that Lambda would refuse."""

    def test_what_fits_is_the_same(self) -> None:
        """A document that Lambda takes is not touched."""
        document = build_fault_result((ValueError, ValueError("x" * 6_000_000), None), None, "1")
        assert fit_error_document(document, to_json) is document

    @pytest.mark.parametrize("character", ["x", "é", "\U0001f600", "\x00", "\ud800"])
    def test_long_message(self, character: str) -> None:
        """A message of 10 million characters is cropped to what Lambda takes, not further."""
        document = build_fault_result((ValueError, ValueError(character * 10_000_000), None), None, "1")
        text = encode_error_document(document, to_json).encode("utf-8", "backslashreplace")
        assert MAX_RESPONSE_BYTES * 0.95 < len(text) <= MAX_RESPONSE_BYTES
        message = json.loads(text)["errorMessage"]
        assert message.startswith(character * 1000)
        assert message.endswith(" more characters)")

    def test_long_stack(self) -> None:
        """Of a stack that is too long the ends stay, and the message."""
        lines = [f"{number} {'x' * 10_000}" for number in range(1000)]
        document = {"errorMessage": "m", "errorType": "E", "requestId": "1", "stackTrace": lines, "causesLeftOut": 3}
        fitting = fit_error_document(document, to_json)
        assert len(to_json(fitting)) <= MAX_RESPONSE_BYTES
        assert (fitting["stackTrace"][0], fitting["stackTrace"][-1]) == (lines[0], lines[-1])
        assert (fitting["errorMessage"], fitting["causesLeftOut"]) == ("m", 3)

    def test_causes_of_others_go_first(self) -> None:
        """What third parties put into the document goes before the error itself."""
        document = {
            "errorMessage": "m",
            "errorType": "E",
            "cause": {"x": "x" * MAX_RESPONSE_BYTES},
            "stackTrace": ["s"],
        }
        fitting = fit_error_document(document, to_json)
        assert fitting == {"errorMessage": "m", "errorType": "E", "requestId": "", "stackTrace": ["s"]}

    def test_what_cannot_be_encoded_becomes_text(self) -> None:
        """A document with objects in it is sent as text rather than not at all."""
        document = {"errorMessage": {1, 2}, "errorType": "E", "stackTrace": 5, "more": object()}
        assert json.loads(encode_error_document(document, to_json))["errorMessage"] == "{1, 2}"

    def test_encoder_that_breaks(self) -> None:
        """If somebody's encoder fails, ric's own encodes."""

        def broken(document: object) -> str:
            raise KeyError("broken")

        document = build_fault_result((ValueError, ValueError("x"), None), None, "1")
        assert json.loads(encode_error_document(document, broken)) == document


class TestLog:
    """The record in the function's log."""

    def test_unchained(self) -> None:
        """The record of an error without causes is as upstream writes it."""
        error = raised(ValueError("x"))
        lines = log_of(document_of(error))
        assert lines[:2] == ["[ERROR] ValueError: x", "Traceback (most recent call last):"]
        assert len(lines) == 4

    def test_chain(self) -> None:
        """Notes stand behind the traceback, each cause below, with its own traceback and notes."""
        error, cause = ValueError("x"), raised(KeyError("two\nlines"))
        error.__notes__ = ["a note\n  indented"]  # type: ignore[attr-defined]
        cause.__notes__ = ["of the cause"]  # type: ignore[attr-defined]
        lines = log_of(document_of(chain(error, cause, OSError("a\n b"))))
        assert lines == [
            "[ERROR] ValueError: x",
            "Traceback (most recent call last):",
            "a note",
            "\u00a0\u00a0indented",
            "Caused by KeyError: 'two\\nlines'",
            "Traceback (most recent call last):",
            lines[6],
            "\u00a0\u00a0\u00a0\u00a0raise error",
            "of the cause",
            "Caused by OSError: a",
            "\u00a0b",
        ]
        assert lines[6].startswith(f'\u00a0\u00a0File "{__file__}", line ')

    @needs_groups
    def test_group(self) -> None:
        """Members are indented and counted; what led to a member stands below it."""
        member = chain(ValueError("one"), OSError("why"))
        error = group("g", member, group("h", KeyError("k")))  # type: ignore[arg-type]
        margin = "\u00a0" * 4
        assert log_of({**document_of(error), "stackTrace": None}) == [
            "[ERROR] ExceptionGroup: g (2 sub-exceptions)",
            f"{margin}[1 of 2]",
            f"{margin}Caused by ValueError: one",
            f"{margin}Caused by OSError: why",
            f"{margin}[2 of 2]",
            f"{margin}Caused by ExceptionGroup: h (1 sub-exception)",
            f"{margin}{margin}[1 of 1]",
            f"{margin}{margin}Caused by KeyError: 'k'",
        ]

    def test_count_of_the_rest(self) -> None:
        """The log says, too, how many are left out."""
        lines = log_of(document_of(chain(*(ValueError(number) for number in range(100)))))
        assert lines[-1] == "(49 more exceptions left out)"

    def test_json(self) -> None:
        """In JSON format the record has the document's own keys."""
        document = document_of(chain(ValueError("x"), KeyError("y")))
        (line,) = log_of(document, "JSON")
        assert {key: value for key, value in json.loads(line).items() if key not in ("timestamp", "level")} == document

    @pytest.mark.parametrize(
        "document",
        [
            None,
            [],
            {"stackTrace": 5},
            {"stackTrace": [1]},
            {"errorMessage": object()},
            {"notes": 3},
            {"cause": "text"},
            {"cause": [1, {"stackTrace": 7}]},
            type("Odd", (dict,), {"get": None, "keys": None, "__repr__": None})(),
        ],
    )
    @pytest.mark.parametrize("log_format", ["TEXT", "JSON"])
    def test_odd_documents(self, document: Any, log_format: str) -> None:
        """Whatever somebody made of the document, it is logged as far as it is text."""
        assert log_of(document, log_format)

    def test_document_with_an_object(self) -> None:
        """What can be logged of a document that JSON cannot express is logged."""
        (line,) = log_of({"errorType": "E", "errorMessage": {1}, "more": object()}, "JSON")
        assert (json.loads(line)["errorType"], json.loads(line)["errorMessage"]) == ("E", "{1}")
