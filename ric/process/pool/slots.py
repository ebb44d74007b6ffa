"""Which invocation each worker holds, in memory that outlives the worker.

A slot belongs to one client at a time: to one process, or one thread of it. Only its owner writes it while it lives;
the parent reads it when the owner is dead. The stage is written last, so what goes with it is whole whenever the owner
is killed. Ids stay in the slot from before the event is taken off the connection until after the answer was accepted.
So the parent may report an invocation that was answered already, which the platform refuses, but never misses one.
"""

from __future__ import annotations

from mmap import mmap
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    Ids = tuple[str, str]

STARTING = 0
"""The handler is being loaded; nothing was asked for yet."""
IDLE = 1
"""It has no invocation, and is about to ask for one."""
POLLING = 2
"""It has asked for one, and has taken nothing of the answer yet."""
BUSY = 3
"""It holds one."""
REPORTED = 4
"""The handler could not be loaded, and the Runtime API knows."""
HOPELESS = 5
"""The Runtime API is gone, for this worker as for every other."""

_BYTES = 1024
_SERVED = slice(8, 16)
_LENGTHS = slice(16, 20)
_IDS = 20
_MAX_ID_BYTES = _BYTES - _IDS
_PAIR = Struct("<HH")


class Slots:
    """A fixed number of slots, shared with the processes that are forked afterwards.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self._view = memoryview(mmap(-1, count * _BYTES))

    def __getitem__(self, number: int) -> Slot:
        return Slot(self._view[number * _BYTES : (number + 1) * _BYTES])


class Slot:
    """One slot.

    Args:
        memory: Where it is.
    """

    __slots__ = ("_memory",)

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory

    def hold(self, request_id: bytes, invocation_id: bytes) -> None:
        """Notes an invocation that is about to be taken; ids that are too long are left out, and cannot be reported."""
        memory = self._memory
        if len(request_id) + len(invocation_id) > _MAX_ID_BYTES:
            request_id = invocation_id = b""
        memory[_LENGTHS] = _PAIR.pack(len(request_id), len(invocation_id))
        ids = request_id + invocation_id
        memory[_IDS : _IDS + len(ids)] = ids
        memory[0] = BUSY

    def release(self) -> None:
        """Notes that the invocation is done with."""
        memory = self._memory
        if memory[0] == BUSY:
            memory[_SERVED] = (self.served + 1).to_bytes(8, "little")
        memory[0] = IDLE

    def enter(self, stage: int) -> None:
        """Notes any other stage."""
        self._memory[0] = stage

    def clear(self) -> None:
        """Makes the slot ready for a new owner."""
        self._memory[:_IDS] = bytes(_IDS)

    @property
    def stage(self) -> int:
        """One of the stages above."""
        return self._memory[0]

    @property
    def served(self) -> int:
        """How many invocations its owner has served."""
        return int.from_bytes(self._memory[_SERVED], "little")

    @property
    def held(self) -> Ids | None:
        """Request id and invocation id (``""`` if none came) of the invocation that the owner holds, if any."""
        if self.stage != BUSY:
            return None
        first, second = _PAIR.unpack(self._memory[_LENGTHS])
        ids = bytes(self._memory[_IDS : _IDS + first + second])
        return (ids[:first].decode("utf-8", "replace"), ids[first:].decode("utf-8", "replace")) if first else None
