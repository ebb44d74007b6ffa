"""All cases, in the order in which they are run."""

from __future__ import annotations

from . import cases_context, cases_errors, cases_logs, cases_snapstart, cases_values

GROUPS = (
    *cases_values.GROUPS,
    *cases_context.GROUPS,
    *cases_errors.GROUPS,
    *cases_logs.GROUPS,
    *cases_snapstart.GROUPS,
)
