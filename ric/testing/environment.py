"""The environment of a test: read and changed here and nowhere else in ``ric.testing``."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ric.function.context import LambdaContext


@contextmanager
def function_environment(context: LambdaContext) -> Iterator[None]:
    """Sets what Lambda says of the function, and puts every variable back afterwards, also those the handler changed.

    Args:
        context: The context that the handler gets; the variables say the same.
    """
    said = {
        "AWS_LAMBDA_FUNCTION_NAME": context.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": context.function_version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": context.memory_limit_in_mb,
        "AWS_LAMBDA_LOG_GROUP_NAME": context.log_group_name,
        "AWS_LAMBDA_LOG_STREAM_NAME": context.log_stream_name,
    }
    before = dict(os.environ)
    os.environ.update({name: value for name, value in said.items() if value is not None})
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update({name: value for name, value in before.items() if os.environ.get(name) != value})
