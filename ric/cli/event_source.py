"""Which event to send: a file, standard input, text on the command line, an example, or ``{}``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ric import events
from ric.cli.failure import CommandError
from ric.local.json_documents import parse_object


def read_event(file: str | None, text: str | None, example: str | None) -> bytes:
    """Returns the event that the options ask for, as JSON; ``{}`` if they ask for none.

    Args:
        file: A path, or ``-`` for standard input.
        text: The event itself.
        example: Name of an example event.

    Raises:
        CommandError: They ask for several, it cannot be read, or it is not JSON.
    """
    given = [option for option in (file, text, example) if option is not None]
    if len(given) > 1:
        raise CommandError("--event, --event-text and --example each name an event; give one of them")
    if example is not None:
        try:
            return events.text(example).encode()
        except events.UnknownExampleError as error:
            raise CommandError(str(error)) from None
    if text is not None:
        return _checked(text.encode(errors="surrogateescape"), "the event of --event-text")
    if file is None:
        return b"{}"
    if file == "-":
        return _checked(sys.stdin.buffer.read(), "the event on standard input")
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read the event {file}: {error.strerror}") from None
    return _checked(data, f"the event {file}")


def check_client_context(text: str) -> None:
    """Checks that a client context is what the SDKs send.

    Raises:
        CommandError: It is not a JSON object.
    """
    if parse_object(text) is None:
        raise CommandError('--client-context must be a JSON object, for example {"custom": {"key": "value"}}')


def _checked(data: bytes, description: str) -> bytes:
    if not data.strip():
        raise CommandError(f"{description} is empty; an event is JSON, for example {{}}")
    try:
        json.loads(data)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise CommandError(f"{description} is not JSON: {error.msg} at {place}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{description} is not JSON: it is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, and what is nested too deeply
        raise CommandError(f"{description} cannot be read: {error}") from None
    return data.removeprefix(b"\xef\xbb\xbf")
