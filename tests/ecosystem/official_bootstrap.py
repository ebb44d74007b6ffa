"""The entry point for the official client, beside ric's ``bootstrap`` and in place of ric's ``bootstrap.py``.

The managed runtime's own is not published. ric's serves ric whatever ``awslambdaric`` is, so here is what the platform
documents: the order of ``sys.path``, ``.pth`` files, the variables, and ``main`` under the name that trackers look for.
"""

from __future__ import annotations

import os
import site
import sys

version = "{}.{}".format(*sys.version_info)
directories = [os.environ["LAMBDA_TASK_ROOT"]]
if "PYTHONPATH" not in os.environ:
    directories += [f"/opt/python/lib/python{version}/site-packages", "/opt/python"]
sys.path.append(sys.path.pop(0))
sys.path[:0] = directories
for directory in directories:
    site.addsitedir(directory, set(sys.path))
os.environ.setdefault("PYTHONPATH", os.environ["LAMBDA_RUNTIME_DIR"])
os.environ["AWS_EXECUTION_ENV"] = f"AWS_Lambda_python{version}"

import awslambdaric.__main__ as awslambdaricmain  # noqa: E402

awslambdaricmain.main([os.environ["LAMBDA_TASK_ROOT"], os.environ["_HANDLER"]])
