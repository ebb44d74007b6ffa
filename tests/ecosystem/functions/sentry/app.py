"""Errors, breadcrumbs and time-out warnings, sent by the real transport."""

import logging
import os
import threading

import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration
from sentry_sdk.utils import TimeoutThread

sentry_sdk.init(
    dsn=f"http://key@{os.environ['SENTRY']}/1",
    integrations=[AwsLambdaIntegration(timeout_warning=True)],
    traces_sample_rate=1.0,
)
logger = logging.getLogger("orders")

if os.environ.get("FAILS") == "raise":
    raise RuntimeError("no database")
if os.environ.get("FAILS") == "import":
    import no_such_module  # noqa: F401


def divide(number):
    return 1 // number


def wait_for_the_warning():
    """Takes as long as it takes Sentry's thread to warn of the time-out, and to send that."""
    (thread,) = [thread for thread in threading.enumerate() if isinstance(thread, TimeoutThread)]
    thread.join()
    sentry_sdk.flush()


def handler(event, context):
    logger.warning("divide by %s", event["number"])
    if event["number"] == 2:
        logger.error("odd number")
    if event["number"] == 3:
        wait_for_the_warning()
    return divide(event["number"])
