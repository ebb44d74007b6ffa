"""Asks an advisory service about every distribution that ric needs, to run and to be made.

pip-audit itself passes when the service does not know a package, and a mirror of the package index often knows none:
then it reports "no known vulnerabilities" for anything. So this program first asks about a release that is known to be
vulnerable. A service that has nothing to say about it cannot be believed about the others.

==========  =========================================================================================
exit code   meaning
==========  =========================================================================================
0           every distribution was looked up, and none has a known vulnerability
1           there are known vulnerabilities; they are listed
3           nobody knows: the service is out of reach, or knows only some of the distributions
==========  =========================================================================================

With ``--tolerate-silence`` the third case says so just as loudly and ends with 0. The service is chosen by pip-audit's
own variables, ``PIP_AUDIT_VULNERABILITY_SERVICE`` and ``PIP_AUDIT_OSV_URL``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

CLEAN = 0
VULNERABLE = 1
UNKNOWN = 3
TOLERATE_SILENCE = "--tolerate-silence"

# CVE-2018-18074, published in 2018 and not withdrawn: what a service that works has to find.
KNOWN_TO_BE_VULNERABLE = "requests==2.19.0"
# The name ric belongs to another project on the package index; the others came with the interpreter and are its matter.
_NOT_ASKED_ABOUT = ("ric", "pip", "setuptools")
_TIMEOUT_S = 600


class NoAnswerError(Exception):
    """The service did not answer; the text says what was seen."""


def main(arguments: list[str]) -> int:
    """Audits the environment of the running interpreter; returns the exit code."""
    if arguments not in ([], [TOLERATE_SILENCE]):
        _say(f"usage: audit.py [{TOLERATE_SILENCE}]")
        return 2
    try:
        code = audit()
    except NoAnswerError as error:
        _say(f"NOT AUDITED, vulnerabilities are neither found nor excluded: {error}")
        code = UNKNOWN
    return CLEAN if code == UNKNOWN and arguments else code


def audit() -> int:
    """Looks all distributions up; returns CLEAN, VULNERABLE or UNKNOWN.

    Raises:
        NoAnswerError: The service cannot be believed.
    """
    (known,) = look_up([KNOWN_TO_BE_VULNERABLE])
    if not known.get("vulns"):
        seen = known.get("skip_reason", "it finds nothing")
        raise NoAnswerError(f"the advisory service does not know that {KNOWN_TO_BE_VULNERABLE} is vulnerable ({seen})")
    found = look_up(installed())
    vulnerable = [one for one in found if one.get("vulns")]
    for one in vulnerable:
        for advisory in one["vulns"]:
            fixed = ", ".join(advisory["fix_versions"]) or "no release"
            _say(f"VULNERABLE: {one['name']} {one['version']}: {advisory['id']}, fixed in {fixed}")
    skipped = [f"{one['name']} ({one['skip_reason']})" for one in found if "skip_reason" in one]
    if skipped:
        _say(f"NOT AUDITED: {'; '.join(skipped)}")
    if vulnerable:
        return VULNERABLE
    if skipped:
        return UNKNOWN
    _say(f"no known vulnerabilities in {len(found)} distributions")
    return CLEAN


def installed() -> list[str]:
    """Returns what is installed for the running interpreter, as pinned requirements."""
    versions = {distribution.metadata["Name"]: distribution.version for distribution in distributions()}
    return sorted(f"{name}=={version}" for name, version in versions.items() if name not in _NOT_ASKED_ABOUT)


def look_up(requirements: list[str]) -> list[dict[str, Any]]:
    """Returns what pip-audit finds out about pinned requirements, one entry for each.

    Raises:
        NoAnswerError: It found out nothing.
    """
    with tempfile.TemporaryDirectory() as directory:
        listed, report = Path(directory) / "requirements.txt", Path(directory) / "report.json"
        listed.write_text("\n".join(requirements) + "\n")
        options = ["--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json"]
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *options, f"--requirement={listed}", f"--output={report}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        text = report.read_text() if report.exists() else ""
    # The exit code is 1 both for findings and for a service out of reach; only the report tells them apart.
    if not text:
        last_lines = done.stdout.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise NoAnswerError(f"pip-audit has no report; it says: {last_lines[0]}")
    dependencies: list[dict[str, Any]] = json.loads(text)["dependencies"]
    return dependencies


def _say(line: str) -> None:
    sys.stdout.write(f"audit: {line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
