"""Which TCP ports a process listens on, as the kernel says."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

_LISTENING = "0A"
LINUX_ONLY = "only Linux tells whose port it is"


def listening_addresses(pid: int) -> set[str]:
    """Returns the addresses, without ports, that a process listens on.

    Args:
        pid: A process of this machine; only Linux can be asked.
    """
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(str(descriptor.readlink()))
        except FileNotFoundError:
            continue  # closed in the meantime
    addresses = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == _LISTENING and f"socket:[{inode}]" in inodes:
                words = bytes.fromhex(local.partition(":")[0])
                # The kernel prints the address in words of the machine's own byte order.
                packed = b"".join(struct.pack(">I", word) for word in struct.unpack(f"={len(words) // 4}I", words))
                addresses.add(socket.inet_ntop(family, packed))
    return addresses
