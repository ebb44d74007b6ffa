"""Hooks around the snapshot, registered with the functions of the package and with its decorators."""

import os
import sys

from snapshot_restore_py import register_after_restore, register_before_snapshot

calls = []


def note(text, *, suffix=""):
    sys.stdout.write(f"{text}{suffix}\n")
    calls.append(text + suffix)


def fail():
    raise RuntimeError(f"no {os.environ['FAILS']}")


register_before_snapshot(note, "before 1")
register_before_snapshot(note, "before 2", suffix="!")
register_after_restore(note, "after 1")
register_after_restore(note, "after 2", suffix="!")

if os.environ.get("FAILS") == "snapshot":
    register_before_snapshot(fail)
if os.environ.get("FAILS") == "restore":
    register_after_restore(fail)


def handler(event, context):
    return [calls, os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]]
