"""What `make audit` makes of an advisory service: findings, none, and a service that cannot be believed.

The real pip-audit runs, against a service on loopback that speaks the protocol of OSV.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.image import REPOSITORY

AUDIT = REPOSITORY / ".ci/audit.py"
CLEAN, VULNERABLE, UNKNOWN = 0, 1, 3
TIMEOUT_S = 100.0

Package = tuple[str, str]


def advisory(package: str, fixed_in: str) -> dict[str, Any]:
    """Returns an answer of OSV's that tells of one vulnerability."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed_in}]}]
    affected = [{"package": {"name": package, "ecosystem": "PyPI"}, "ranges": ranges}]
    return {"vulns": [{"schema_version": "1.6.0", "id": f"TEST-{package}", "summary": "", "affected": affected}]}


def audited(*options: str, **environment: str) -> tuple[int, str]:
    """Runs the audit; returns its exit code and what it says."""
    done = subprocess.run(
        [sys.executable, AUDIT, *options],
        env={name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout


def audited_by(
    server: HTTPServer, answer: Callable[[Package], dict[str, Any]], *options: str
) -> tuple[int, str, set[Package]]:
    """Runs the audit against a service; returns its exit code, what it says, and what it asked about."""
    asked = set()

    def serve(request: Request) -> Response:
        question = json.loads(request.get_data())
        package = (question["package"]["name"], question["version"])
        asked.add(package)
        return Response(json.dumps(answer(package)), content_type="application/json")

    server.expect_request("/v1/query", method="POST").respond_with_handler(serve)
    url = server.url_for("/v1/query")
    code, text = audited(*options, PIP_AUDIT_VULNERABILITY_SERVICE="osv", PIP_AUDIT_OSV_URL=url)
    return code, text, asked


def knows(*vulnerable: str) -> Callable[[Package], dict[str, Any]]:
    """Returns a service that works, and knows these packages to be vulnerable in whatever version."""

    def answer(package: Package) -> dict[str, Any]:
        if package == ("requests", "2.19.0"):
            return advisory("requests", "2.20.0")
        return advisory(package[0], "99.0") if package[0] in vulnerable else {}

    return answer


def test_no_vulnerabilities(httpserver: HTTPServer) -> None:
    """What runs and what tests ric is asked about; neither ric, which is no package of the index, nor pip is."""
    code, text, asked = audited_by(httpserver, knows())
    assert code == CLEAN, text
    assert re.fullmatch(r"audit: no known vulnerabilities in \d+ distributions\n", text)
    names = {name for name, _ in asked}
    assert names >= {"simplejson", "snapshot-restore-py", "click", "requests", "rich", "watchfiles", "orjson", "pytest"}
    assert names.isdisjoint({"ric", "pip"})


@pytest.mark.parametrize("options", [[], ["--tolerate-silence"]])
def test_vulnerabilities(httpserver: HTTPServer, options: list[str]) -> None:
    """They are named with what mends them, and fail the audit whatever is tolerated."""
    code, text, asked = audited_by(httpserver, knows("simplejson"), *options)
    assert code == VULNERABLE, text
    (version,) = [version for name, version in asked if name == "simplejson"]
    assert text == f"audit: VULNERABLE: simplejson {version}: TEST-simplejson, fixed in 99.0\n"


def test_a_service_that_never_finds_anything_is_not_believed(httpserver: HTTPServer) -> None:
    """As a mirror of the index without advisories does: pip-audit alone calls this success."""
    code, text, asked = audited_by(httpserver, lambda package: {})
    assert code == UNKNOWN, text
    assert "NOT AUDITED" in text and "does not know that requests==2.19.0 is vulnerable" in text
    assert asked == {("requests", "2.19.0")}


@pytest.mark.parametrize(("options", "expected"), [([], UNKNOWN), (["--tolerate-silence"], CLEAN)])
def test_a_service_out_of_reach(options: list[str], expected: int) -> None:
    """That is said, and is neither a pass nor a finding; who runs it decides whether it may be passed over."""
    environment = {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv", "PIP_AUDIT_OSV_URL": "http://127.0.0.1:9/v1/query"}
    code, text = audited(*options, **environment)
    assert code == expected, text
    assert "NOT AUDITED, vulnerabilities are neither found nor excluded" in text
    assert "no known vulnerabilities" not in text


def test_a_service_that_knows_only_some(tmp_path: Path) -> None:
    """What pip-audit passes over is named, and keeps the audit from passing."""
    # Only the index's own service answers so, and that cannot be moved to loopback: here a stand-in reports.
    (tmp_path / "pip_audit.py").write_text(
        "import json, pathlib, sys\n"
        "options = dict(option.lstrip('-').partition('=')[::2] for option in sys.argv[1:])\n"
        "names = [line.partition('==')[0] for line in pathlib.Path(options['requirement']).read_text().splitlines()]\n"
        "vulns = [{'id': 'TEST', 'fix_versions': []}]\n"
        "found = [{'name': name, 'version': '1', 'vulns': vulns if len(names) == 1 else []} for name in names]\n"
        "if len(names) > 1: found[0] = {'name': names[0], 'skip_reason': 'not found'}\n"
        "pathlib.Path(options['output']).write_text(json.dumps({'dependencies': found}))\n"
    )
    code, text = audited(PYTHONPATH=str(tmp_path))
    assert code == UNKNOWN, text
    assert re.fullmatch(r"audit: NOT AUDITED: [\w.-]+ \(not found\)\n", text, re.IGNORECASE)


def test_usage() -> None:
    """An option that it does not know is not passed over."""
    code, text = audited("--tolerate")
    assert code == 2
    assert text.startswith("audit: usage: ")
