"""Fuzzing: bytes that nobody wrote down beforehand, against rules that hold for all bytes.

``checks_*`` hold the rules, one function for each; they take the bytes and raise AssertionError. ``test_*`` give them
messages that hypothesis builds and breaks, always the same ones. ``python -m tests.fuzz`` (``make fuzz``) gives them
what atheris finds by watching which code each input reaches. docs/trust.md says what is covered, and what was found.
"""
