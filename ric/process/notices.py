"""The notices that Lambda's runtimes put into the log of a preview runtime and before an init error.

Their wording is what operators' alarms look for, so it is upstream's to the letter.
"""

from __future__ import annotations

from ric import config

lambda_warning = "LAMBDA_WARNING"

_DOCS = "https://docs.aws.amazon.com/lambda/latest/dg/"
_DOCS_CHINA = "https://docs.amazonaws.cn/lambda/latest/dg/"

lambda_unhandled_exception_warning_message = (
    f"{lambda_warning}: Unhandled exception. "
    "The most likely cause is an issue in the function code. "
    "However, in rare cases, a Lambda runtime update can cause unexpected function behavior. "
    "For functions using managed runtimes, runtime updates can be triggered by a function change, "
    "or can be applied automatically. "
    "To determine if the runtime has been updated, check the runtime version in the INIT_START log entry. "
    "If this error correlates with a change in the runtime version, "
    "you may be able to mitigate this error by temporarily rolling back to the previous runtime version. "
    f"For more information, see {_DOCS}runtimes-update.html\r"
)


def get_lambda_preview_runtime_warning_message() -> str:
    """Returns the notice for a preview runtime, with the documentation link of the region."""
    docs = _DOCS_CHINA if config.is_china_region() else _DOCS
    return (
        f"{lambda_warning}: This is a preview runtime version and should not be used for production workloads. "
        f"For further information and to provide feedback, see {docs}lambda-runtimes.html\r"
    )
