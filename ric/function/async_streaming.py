"""Sends a body that is an async iterable, without holding up the other tasks of the event loop.

A caller who reads slowly makes only this body wait. When the response is refused or the connection lost, the body is
cancelled where it waits, so its ``finally`` blocks run at once and not at the next piece.
"""

from __future__ import annotations

import asyncio
from os import set_blocking

from ric.function.streaming import Sender, StreamingResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ric.api.upload import ChunkedUpload
    from ric.function.reply import Reply


async def send_async_iterable(answer: Reply, body: Any, head: StreamingResponse | None) -> None:
    """Sends all pieces of a body, and closes it.

    Args:
        answer: The reply whose stream it is.
        body: An async iterable of str and bytes.
        head: Status, headers and cookies, or None for plain bytes.

    Raises:
        StreamingError: A piece is neither str nor bytes, or the response was begun before.
        RuntimeApiError: The response was refused, or the connection is lost.
        BaseException: What the body raises.
    """
    watch: _Watch | None = None
    try:
        sender = Sender(answer, head)
        if sender.upload is not None:
            watch = _Watch(sender.upload)
        async for piece in body:
            if not sender.put(piece):
                continue
            upload = sender.opened()
            if watch is None:
                watch = _Watch(upload)
            while not upload.flush():
                await watch.wait_for_room()
        sender.opened()  # a stream without a piece is a response, too
    except asyncio.CancelledError:
        if sender.upload is not None and sender.upload.failure is not None:
            raise sender.upload.failure from None
        raise
    finally:
        if watch is not None:
            watch.end()
        await _close(body)


async def _close(body: Any) -> None:
    """Closes an async generator, or what has ``close`` as files have it."""
    close = getattr(body, "aclose", None) or getattr(body, "close", None)
    closing: Any = close() if close is not None else None
    if hasattr(closing, "__await__"):
        await closing


class _Watch:
    """Follows a stream's connection on the event loop, and cancels the current task when nobody wants more of it."""

    def __init__(self, upload: ChunkedUpload) -> None:
        self._upload = upload
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        self._task = task
        self._descriptor = upload.fileno()
        self._begin()

    def _begin(self) -> None:
        if self._descriptor >= 0:  # where tests record what is sent, there is none
            self._loop.add_reader(self._descriptor, self._look)
            set_blocking(self._descriptor, True)  # uvloop changes that for all who use the connection

    async def wait_for_room(self) -> None:
        """Returns when the connection takes more."""
        room = self._loop.create_future()
        self._loop.add_writer(self._descriptor, _settle, room)
        set_blocking(self._descriptor, True)
        try:
            await room
        finally:
            self._loop.remove_writer(self._descriptor)

    def end(self) -> None:
        """Stops watching."""
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)

    def _look(self) -> None:
        # Looking may close the connection, and a closed descriptor cannot be unregistered, so do that first.
        self.end()
        if self._upload.is_wanted():
            self._begin()
        else:
            self._task.cancel()


def _settle(room: asyncio.Future[None]) -> None:
    if not room.done():
        room.set_result(None)
