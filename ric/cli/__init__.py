"""The command ``ric``: invoke a function once, serve it while it is being written, show example events.

It needs the extra ``ric[dev]``. :mod:`ric.cli.commands` names commands and options, and each command is a module of
its own, imported when it runs. The emulator does the work; here is only what a person sees.
"""
