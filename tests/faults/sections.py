"""All faults, in the order of the tables."""

from __future__ import annotations

from .fatal import FATAL as FATAL
from .hostile_descriptors import DESCRIPTORS
from .hostile_errors import ERRORS
from .hostile_imports import IMPORTS
from .hostile_processes import LOGGING, PROCESSES
from .hostile_results import RESULTS
from .hostile_surroundings import SURROUNDINGS
from .protocol_connection import CONNECTION
from .protocol_polls import FORMS, POLL
from .protocol_posts import ERROR, INIT_ERROR, RESULT

PROTOCOL = (POLL, FORMS, CONNECTION, RESULT, ERROR, INIT_ERROR)
HOSTILE = (DESCRIPTORS, SURROUNDINGS, LOGGING, PROCESSES, RESULTS, ERRORS, IMPORTS)
SECTIONS = (*PROTOCOL, *HOSTILE)
