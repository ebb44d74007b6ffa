"""Every kind of handler becomes one plain callable."""

from __future__ import annotations

import functools
import io
import types
from collections.abc import Callable
from typing import Any

import pytest

from ric import StreamingResponse
from ric.function.adapters import adapt
from ric.testing import invoke

Handler = Callable[[Any, Any], Any]


async def async_function(event: Any, context: Any) -> Any:
    """Returns the event, after a while."""
    return event


def generator(event: Any, context: Any) -> Any:
    """Streams the event's words."""
    yield from event


async def async_generator(event: Any, context: Any) -> Any:
    """Streams the event's words."""
    for word in event:
        yield word


class Handlers:
    """Handlers as methods."""

    async def method(self, event: Any, context: Any) -> Any:
        """Returns the event."""
        return event

    @classmethod
    async def class_method(cls, event: Any, context: Any) -> Any:
        """Returns the event."""
        return event

    @staticmethod
    async def static_method(event: Any, context: Any) -> Any:
        """Returns the event."""
        return event

    def generator_method(self, event: Any, context: Any) -> Any:
        """Streams the event's words."""
        yield from event


class AsyncCallable:
    """An object whose call is async."""

    async def __call__(self, event: Any, context: Any) -> Any:
        return event


class AsyncGeneratorCallable:
    """An object whose call is an async generator."""

    async def __call__(self, event: Any, context: Any) -> Any:
        for word in event:
            yield word


class Later:
    """An awaitable that is no coroutine."""

    def __await__(self) -> Any:
        return "later"
        yield


def with_option(option: str, event: Any, context: Any) -> Any:
    """A generator that needs another argument."""
    yield option


async def async_with_option(option: str, event: Any, context: Any) -> Any:
    """A coroutine function that needs another argument."""
    return option


def decorated(handler: Handler) -> Handler:
    """A plain function around the handler, as most decorators make it."""

    @functools.wraps(handler)
    def wrapper(event: Any, context: Any) -> Any:
        return handler(event, context)

    return wrapper


@pytest.mark.parametrize(
    "handler",
    [
        async_function,
        Handlers().method,
        Handlers.class_method,
        Handlers.static_method,
        AsyncCallable(),
        functools.partial(async_function),
        decorated(async_function),
        decorated(decorated(Handlers().method)),
        lambda event, context: async_function(event, context),
        types.MethodType(lambda self, event, context: async_function(event, context), object()),
    ],
)
def test_async_handlers(handler: Handler) -> None:
    """Whatever returns something to be awaited is awaited."""
    assert invoke(handler, {"a": 1}).payload == {"a": 1}


def test_awaitables_and_partials() -> None:
    """Other awaitables count, and so do arguments that a partial gives."""
    assert invoke(lambda event, context: Later(), None).payload == "later"
    assert invoke(functools.partial(async_with_option, "given"), None).payload == "given"
    assert invoke(functools.partial(with_option, "given"), None).chunks == (b"given",)


@pytest.mark.parametrize(
    "handler",
    [
        generator,
        async_generator,
        Handlers().generator_method,
        AsyncGeneratorCallable(),
        functools.partial(generator),
        functools.partial(async_generator),
        decorated(generator),
        decorated(decorated(async_generator)),
        decorated(functools.partial(generator)),
    ],
)
def test_generators_stream(handler: Handler) -> None:
    """A generator function streams, through every kind of wrapping."""
    result = invoke(handler, ["a", "b"])
    assert (result.chunks, result.content_type) == ((b"a", b"b"), "application/octet-stream")


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        (lambda event, context: (word for word in event), "generator"),
        (lambda event, context: generator(event, context), "generator"),
        (lambda event, context: iter(event), "list_iterator"),
        (lambda event, context: async_generator(event, context), "async_generator"),
    ],
)
def test_a_generator_that_a_plain_function_returns_is_an_error(handler: Handler, kind: str) -> None:
    """So it was before there were streams: nobody asked for one."""
    result = invoke(handler, ["a"])
    assert result.error is not None
    assert result.error.type == "Runtime.MarshalError"
    assert f"Object of type {kind} is not JSON serializable" in result.error.message


def events(handler: Handler) -> Handler:
    """A decorator that streams what a plain handler returns."""

    @functools.wraps(handler)
    def wrapper(event: Any, context: Any) -> Any:
        for item in handler(event, context):
            yield f"data: {item}\n"

    return wrapper


class Events:
    """The same as a class."""

    def __init__(self, handler: Handler) -> None:
        self.func = handler

    def __call__(self, event: Any, context: Any) -> Any:
        yield from (f"data: {item}\n" for item in self.func(event, context))


@pytest.mark.parametrize("decorator", [events, Events])
def test_wrappers_that_yield(decorator: Any) -> None:
    """A decorator that is a generator function makes a stream of whatever it wraps."""
    assert invoke(decorator(lambda event, context: [1, 2]), {}).chunks == (b"data: 1\n", b"data: 2\n")


class Mapping(dict[str, Any]):
    """A handler whose attributes are its keys, and whose missing ones are a KeyError."""

    __getattr__ = dict.__getitem__

    def __call__(self, event: Any, context: Any) -> Any:
        return "called"


class Unbound:
    """A handler that refuses to be looked into, as proxies do that stand for nothing yet."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"there is nothing to get {name} from")

    def __call__(self, event: Any, context: Any) -> Any:
        return "called"


class Everything:
    """A handler that has every attribute."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, event: Any, context: Any) -> Any:
        return "called"


@pytest.mark.parametrize("kind", [Mapping, Unbound, Everything])
def test_handlers_that_do_not_let_themselves_be_looked_into(kind: Callable[[], Handler]) -> None:
    """An object that answers attributes in its own way is called as ever."""
    assert invoke(kind(), {}).payload == "called"


def test_a_coroutine_written_as_a_generator() -> None:
    """A function under types.coroutine is awaited, although its code is a generator's."""

    @types.coroutine
    def handler(event: Any, context: Any) -> Any:
        yield
        return "awaited"

    assert invoke(handler, {}).payload == "awaited"


def test_an_async_handler_within_an_async_handler() -> None:
    """The loop runs one handler; another one is awaited, not invoked, and the error says so."""

    async def outer(event: Any, context: Any) -> Any:
        return str(invoke(async_function, {}).exception)

    assert "await what it should run" in str(invoke(outer, {}).payload)


def test_a_wrapper_that_answers_itself() -> None:
    """A decorator around a generator may return a value instead, which is encoded as ever."""

    def cached(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def wrapper(event: Any, context: Any) -> Any:
            return {"from": "cache"}

        return wrapper

    assert invoke(cached(generator), ["a"]).payload == {"from": "cache"}


def test_the_plain_form_looks_like_the_handler() -> None:
    """Name, documentation, attributes and the handler itself are found on the plain form."""

    def handler(event: Any, context: Any) -> Any:
        """Documented."""

    handler.flag = 1  # type: ignore[attr-defined]
    plain: Any = adapt(handler)
    assert (plain.__name__, plain.__doc__, plain.__module__) == ("handler", "Documented.", __name__)
    assert (plain.flag, plain.__wrapped__) == (1, handler)


@pytest.mark.parametrize("value", [5, None, "text"])
def test_what_cannot_be_called_is_left_alone(value: Any) -> None:
    """The call of it fails as it always did."""
    assert adapt(value) is value


class TestBodies:
    """What a StreamingResponse takes for a body."""

    @pytest.mark.parametrize(
        ("body", "chunks"),
        [
            ("text", (b"text",)),
            (b"bytes", (b"bytes",)),
            (bytearray(b"array"), (b"array",)),
            (None, ()),
            ("", ()),
            ((), ()),
            (["a", b"b"], (b"a", b"b")),
            ((word for word in ("a", "b")), (b"a", b"b")),
            (io.BytesIO(b"x" * 100_000), (b"x" * 65_536, b"x" * 34_464)),
            (io.StringIO("a\nb"), (b"a\nb",)),
        ],
    )
    def test_bodies(self, body: Any, chunks: tuple[bytes, ...]) -> None:
        """Text and bytes are one piece, files blocks, iterables their items."""
        assert invoke(lambda event, context: StreamingResponse(body), {}).chunks[2:] == chunks

    def test_pieces_in_one_buffer(self) -> None:
        """A bytearray may be filled again for the next piece; a view need not be contiguous."""

        def plain(event: Any, context: Any) -> Any:
            buffer = bytearray()
            for number in range(3):
                buffer += b"%d" % number
                yield buffer
                buffer.clear()
            yield memoryview(b"abcdef")[::2]

        async def asynchronous(event: Any, context: Any) -> Any:
            for piece in plain(event, context):
                yield piece

        for handler in (plain, asynchronous):
            assert invoke(handler, {}).chunks == (b"0", b"1", b"2", b"ace")

    def test_a_response_is_sent_once(self) -> None:
        """A generator cannot be sent a second time, and the caller does not get an empty body instead."""
        once = StreamingResponse(word for word in ("a", "b"))
        again = StreamingResponse("text")
        assert invoke(lambda event, context: once, {}).chunks[2:] == (b"a", b"b")
        error = invoke(lambda event, context: once, {}).error
        assert error is not None
        assert (error.type, "was sent before" in error.message) == ("Runtime.InvalidStreamingOperation", True)
        assert [invoke(lambda event, context: again, {}).chunks[2:] for _ in range(2)] == [(b"text",)] * 2

    def test_async_files_are_closed(self) -> None:
        """What iterates asynchronously and has an async ``close`` is closed, too."""

        class File:
            closed = False

            async def __aiter__(self) -> Any:
                yield "line"

            async def close(self) -> None:
                self.closed = True

        file = File()
        assert invoke(lambda event, context: StreamingResponse(file), {}).chunks[2:] == (b"line",)
        assert file.closed

    @pytest.mark.parametrize("fails", [False, True])
    def test_bodies_are_closed(self, fails: bool) -> None:
        """A file is closed when all is sent, and also when that fails."""

        class File(io.StringIO):
            def read(self, size: int | None = -1) -> str:
                if fails:
                    raise OSError("unreadable")
                return super().read(size)

        file = File("text")
        result = invoke(lambda event, context: StreamingResponse(file), {})
        assert file.closed
        assert (result.error is not None) == fails

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            (({"a": 1},), TypeError, "not dict; encode it first"),
            ((5,), TypeError, "not int"),
            (("", "200"), TypeError, "status_code is a whole number, not '200'"),
            (("", True), TypeError, "status_code"),
            (("", 199), ValueError, "200 to 599"),
            (("", 600), ValueError, "200 to 599"),
            (("", 200, {"a b": "c"}), ValueError, "'a b' is not the name of a header"),
            (("", 200, {"": "c"}), ValueError, "not the name of a header"),
            (("", 200, {"a": 1}), TypeError, "names and values of headers are str"),
            (("", 200, {"a": "b\r\nc: d"}), ValueError, "line break"),
            (("", 200, {"a": "b\0"}), ValueError, "NUL"),
            (("", 200, {"a": "b\x7f"}), ValueError, "control character"),
            (("", 200, {"a": "b\ud800"}), ValueError, "lone surrogate"),
            (("", 200, {"a": "b" * 20_000}), ValueError, "may take 16376 bytes"),
            (("", 200, {}, "a=1"), TypeError, "list of str"),
            (("", 200, {}, [1]), TypeError, "cookies are str"),
            (("", 200, {}, ["a=1\n"]), ValueError, "line break"),
        ],
    )
    def test_what_cannot_be_sent(self, arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
        """A mistake is told where it is made, before anything is sent."""
        with pytest.raises(error, match=message):
            StreamingResponse(*arguments)
