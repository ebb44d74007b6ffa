"""Logging names of upstream that ric has no use for itself; see ric.upstream.names."""

from __future__ import annotations

import logging
from enum import IntEnum

from ric import config
from ric.process.logs import JSON_FRAME_TYPES, TEXT_FRAME_TYPES, set_up
from ric.process.sinks import create_log_sink, unbuffer_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DATETIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_DEFAULT_FRAME_TYPE = TEXT_FRAME_TYPES[logging.NOTSET]


class LogFormat(IntEnum):
    """The two values of ``AWS_LAMBDA_LOG_FORMAT``."""

    JSON = 0
    TEXT = 1

    @classmethod
    def from_str(cls, value: str | None) -> int:
        """Returns the format of that name; everything but JSON is text."""
        return (cls.JSON if value and value.upper() == "JSON" else cls.TEXT).value


def _setup_logging(log_format: int, log_level: str, log_sink: Any) -> None:
    """Gives the root logger its handler, for a format in upstream's numbers."""
    set_up(LogFormat(log_format).name if log_format in tuple(LogFormat) else "TEXT", log_level, log_sink)


def init_logging() -> Any:
    """Sets up logging as ``run`` does, at once, and returns the opened sink."""
    unbuffer_output()
    log_sink = create_log_sink().__enter__()
    set_up(config.log_format(), config.log_level(), log_sink)
    return log_sink


def __getattr__(name: str) -> Any:
    if name == "_ERROR_FRAME_TYPE":
        return (JSON_FRAME_TYPES if config.log_format() == "JSON" else TEXT_FRAME_TYPES)[logging.ERROR]
    raise AttributeError(name)
