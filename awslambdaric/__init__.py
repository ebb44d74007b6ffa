"""The name by which other packages import the runtime; its modules are ric's own (see ric.upstream)."""

from ric import upstream

__version__ = "4.2.2"
"""The upstream release that ric stands in for; packages compare it."""

upstream.install()
