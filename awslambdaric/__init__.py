"""The name by which other packages import the runtime; its modules are ric's own (see ric.compat)."""

from ric import compat

__version__ = "4.2.2"
"""The upstream release that ric stands in for; packages compare it."""

compat.install()
