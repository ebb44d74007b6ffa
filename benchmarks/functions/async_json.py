"""An async function with the modules of the standard library that many functions have, and no packages."""

import datetime
import json
import logging
import urllib.request
from typing import Any

logger = logging.getLogger(__name__)
opener = urllib.request.build_opener()


async def echo(event: Any, context: Any) -> Any:
    """Returns the event, once around JSON."""
    logger.debug("at %s", datetime.datetime.now(tz=datetime.timezone.utc))
    return json.loads(json.dumps(event))
