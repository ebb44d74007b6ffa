"""The status policy of the Runtime API client, row by row, on the wire and by the process that runs the function."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.scripted_api import (
    ACCEPTED,
    INIT_ERROR,
    NEXT,
    Function,
    ScriptedApi,
    Step,
    answer,
    answer_for,
    close,
    error_path,
    event,
    flood,
    function,
    half_close,
    hold,
    read,
    read_body,
    read_head,
    reset,
    response_path,
    run_to_its_end,
    run_until_complete,
    send,
    status,
    wait_for_close,
)

ECHO = """
def handler(event, context):
    print("run", context.aws_request_id)
    return event
"""
FAILING = """
def handler(event, context):
    print("run", context.aws_request_id)
    raise KeyError("the handler's own")
"""
SIX_MB = """
def handler(event, context):
    print("run", context.aws_request_id)
    return "x" * 6_291_600 if context.aws_request_id == "1" else "small"
"""
TOO_LARGE = status(413, b'{"errorType":"RequestEntityTooLarge"}')
SERVED_AGAIN = (answer(event("2")), answer(ACCEPTED), read())


class TestNext:
    """Answers to the poll."""

    def test_success(self, tmp_path: Path) -> None:
        """An event is answered with the handler's result, on the connection that it came on."""
        outcome, api = run_until_complete(tmp_path, [[answer(event("1", b"[1]")), answer(ACCEPTED), read()]], ECHO)
        assert api.paths == [NEXT, response_path("1"), NEXT]
        assert api.requests[1].body == b"[1]"
        assert outcome.stdout == "run 1\n"
        assert outcome.stderr == ""

    def test_no_content_polls_again(self, tmp_path: Path) -> None:
        """204 means nothing to do: the poll is repeated, silently, on the same connection."""
        nothing = answer(b"HTTP/1.1 204 No Content\r\n\r\n")
        outcome, api = run_until_complete(tmp_path, [[nothing, nothing, answer(event()), answer(ACCEPTED), read()]])
        assert api.paths == [NEXT, NEXT, NEXT, response_path("1"), NEXT]
        assert outcome.stdout == ""

    @pytest.mark.parametrize("code", [500, 404, 302, 202])
    def test_other_status_is_retried(self, tmp_path: Path, code: int) -> None:
        """A poll that is refused is repeated after a while; the function does not end and its handler does not run."""
        bad = answer(status(code))
        outcome, api = run_until_complete(tmp_path, [[bad, bad, *SERVED_AGAIN]], ECHO)
        assert outcome.stdout == "run 2\n"
        first, second, third = (request.arrived_s for request in api.requests[:3])
        assert second - first > 0.05
        assert third - second > second - first, "the delay grows"

    @pytest.mark.parametrize(
        "bad",
        [
            [answer(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), wait_for_close()],
            [answer(b"\0" * 100), close()],
            [read(), close()],
            [read(), reset()],
            [read(), half_close(), wait_for_close()],
            [reset()],
            [answer(event("1", b'"cut short"')[:-1]), close()],
            [answer(event("1", b'"cut short"')[:-1]), reset()],
            [answer(event("1")[:40]), close()],
            [answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), close()],
        ],
        ids=["ssh", "nul", "close", "reset", "half-close", "reset-first", "body", "body-reset", "head", "chunks"],
    )
    def test_garbage_and_loss_are_retried(self, tmp_path: Path, bad: list[Step]) -> None:
        """An answer that is no HTTP, or not complete, never reaches the handler; the poll is repeated elsewhere."""
        outcome, _ = run_until_complete(tmp_path, [bad, SERVED_AGAIN], ECHO)
        assert outcome.stdout == "run 2\n"

    def test_late_server_is_waited_for(self, tmp_path: Path) -> None:
        """A server that begins to listen after the function has started is met."""
        api = ScriptedApi(SERVED_AGAIN)
        is_late = threading.Event()
        with api, function(api, tmp_path, ECHO) as running:
            is_late.wait(1)  # the second that it is late, not a wait for something
            api.listen()
            assert running.stop_when_complete().stdout == "run 2\n"


class TestPosts:
    """Answers to a result or an error."""

    @pytest.mark.parametrize("code", [301, 307, 400, 403, 404, 410, 413, 418, 429])
    @pytest.mark.parametrize(
        ("source", "path"), [(ECHO, response_path("1")), (FAILING, error_path("1"))], ids=["response", "error"]
    )
    def test_refusals_are_survived(self, tmp_path: Path, code: int, source: str, path: str) -> None:
        """A refused post is logged once with its status, nothing else is posted for that id, and the next one runs."""
        script = [answer(event("1")), answer(status(code, b"the reason")), *SERVED_AGAIN]
        outcome, api = run_until_complete(tmp_path, [script], source)
        assert api.paths == [NEXT, path, NEXT, path.replace("/1/", "/2/"), NEXT]
        refusals = [line for line in outcome.stdout.splitlines() if path in line]
        assert len(refusals) == 1
        assert refusals[0].startswith("[ERROR]")
        assert ("bytes" if code == 413 else str(code)) in refusals[0]
        assert outcome.stderr == ""

    def test_not_modified_is_survived(self, tmp_path: Path) -> None:
        """304, which has no body whatever it announces, is a refusal like the other 3xx."""
        refusal = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"
        outcome, api = run_until_complete(tmp_path, [[answer(event("1")), answer(refusal), *SERVED_AGAIN]], ECHO)
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]
        assert outcome.stdout.count("'304'") == 1

    def test_too_large_names_size_and_limit(self, tmp_path: Path) -> None:
        """After 413 the log tells how large the result was and how large it may be; no /error follows.

        The connection is given up, because a server that refuses a body may never read it.
        """
        refused = [answer(event("1")), answer(TOO_LARGE), wait_for_close()]
        outcome, api = run_until_complete(tmp_path, [refused, SERVED_AGAIN], SIX_MB)
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]
        (line,) = [line for line in outcome.stdout.splitlines() if "[ERROR]" in line]
        assert "6291602" in line
        assert "6291556" in line

    @pytest.mark.parametrize(
        "refusal",
        [
            [read_head(), send(TOO_LARGE), close()],
            [read_head(), send(TOO_LARGE), half_close(), wait_for_close()],
            [read_head(), send(b"HTTP/1.1 413 Too Large\r\n\r\ntoo large"), close()],
            [read_head(), send(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), close()],
        ],
        ids=["closed", "half-closed", "no-length", "announced"],
    )
    def test_early_refusal_with_close(self, tmp_path: Path, refusal: list[Step]) -> None:
        """A 413 that comes before 6 MB were sent, from a server that then closes, is understood as a 413."""
        outcome, api = run_until_complete(tmp_path, [[answer(event("1")), *refusal], SERVED_AGAIN], SIX_MB)
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]
        assert "6291556" in outcome.stdout

    def test_early_refusal_without_reading(self, tmp_path: Path) -> None:
        """A 413 from a server that neither reads the body nor closes ends the sending, and that connection."""
        unread = [answer(event("1")), read_head(), send(TOO_LARGE)]
        outcome, api = run_until_complete(tmp_path, [unread, SERVED_AGAIN], SIX_MB)
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]
        assert "6291556" in outcome.stdout

    def test_continue_is_no_refusal(self, tmp_path: Path) -> None:
        """An interim answer while 6 MB are being sent does not stop the sending."""
        script = [answer(event("1")), read_head(), send(b"HTTP/1.1 100 Continue\r\n\r\n"), read_body(6_291_602)]
        outcome, api = run_until_complete(tmp_path, [[*script, send(ACCEPTED), *SERVED_AGAIN]], SIX_MB)
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]
        assert outcome.stdout == "run 1\nrun 2\n"

    def test_endless_interim_answers(self, tmp_path: Path) -> None:
        """Interim answers without end while 6 MB are being sent cost this result, which the log says, and no other."""
        endless = [answer(event("1")), read_head(), flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n", [])]
        outcome, api = run_until_complete(tmp_path, [endless, SERVED_AGAIN], SIX_MB)
        assert api.paths == [NEXT, response_path("1"), NEXT, response_path("2"), NEXT]
        assert "interim answers" in outcome.stdout

    @pytest.mark.parametrize("source", [ECHO, FAILING], ids=["response", "error"])
    def test_container_error_ends_the_process(self, tmp_path: Path, source: str) -> None:
        """500 to a post is logged and ends the process with 1 at once, without another poll."""
        outcome, api = run_to_its_end(tmp_path, [[answer(event()), answer(status(500, b"broken"))]], source)
        assert outcome.exit_code == 1
        assert len(api.requests) == 2
        assert outcome.seconds < 5
        assert "'500'" in outcome.stdout
        assert outcome.stderr == ""

    @pytest.mark.parametrize(
        ("source", "code"), [(ECHO, 502), (ECHO, 503), (ECHO, 504), (FAILING, 503)], ids=["502", "503", "504", "error"]
    )
    def test_overload_is_retried(self, tmp_path: Path, source: str, code: int) -> None:
        """502, 503 and 504 to a post are tried again with growing pauses, without running the handler again."""
        bad = answer(status(code))
        outcome, api = run_until_complete(
            tmp_path, [[answer(event()), bad, bad, answer(ACCEPTED), *SERVED_AGAIN]], source
        )
        assert len({request.path for request in api.requests[1:4]}) == 1
        assert len({request.body for request in api.requests[1:4]}) == 1
        first, second, third = (request.arrived_s for request in api.requests[1:4])
        assert 0.05 < second - first < third - second
        assert outcome.stdout.count("run 1\n") == 1
        assert f"'{code}'" not in outcome.stdout

    def test_lasting_overload_is_survived(self, tmp_path: Path) -> None:
        """After a few retries the refusal is logged and the next invocation served."""
        script = [answer(event()), *[answer(status(503))] * 4, *SERVED_AGAIN]
        outcome, api = run_until_complete(tmp_path, [script], ECHO)
        assert api.paths == [NEXT, *[response_path("1")] * 4, NEXT, response_path("2"), NEXT]
        assert outcome.stdout.count("'503'") == 1
        assert outcome.stdout.endswith("run 2\n")

    @pytest.mark.parametrize("loss", [[read(), close()], [read(), reset()], [reset()], [read_head(), close()]])
    def test_lost_while_posting(self, tmp_path: Path, loss: list[Step]) -> None:
        """A connection that is lost under a post is opened again and the same bytes are sent, once more only."""
        scripts = [[answer(event()), *loss], [answer(ACCEPTED), *SERVED_AGAIN]]
        outcome, api = run_until_complete(tmp_path, scripts, ECHO)
        posts = [request for request in api.requests if request.path == response_path("1")]
        assert posts[-1].connection == 1
        assert posts[-1].body == b"{}"
        assert outcome.stdout == "run 1\nrun 2\n"

    @pytest.mark.parametrize("code", [400, 403])
    def test_lost_and_then_refused(self, tmp_path: Path, code: int) -> None:
        """When the first sending had arrived after all, the refusal of the second is logged and nothing lost."""
        scripts = [[answer(event()), read(), reset()], [answer(status(code)), *SERVED_AGAIN]]
        outcome, api = run_until_complete(tmp_path, scripts, ECHO)
        assert api.paths == [NEXT, *[response_path("1")] * 2, NEXT, response_path("2"), NEXT]
        assert outcome.stdout.count(f"'{code}'") == 1
        assert outcome.stdout.endswith("run 2\n")

    def test_lost_for_good(self, tmp_path: Path) -> None:
        """A post that is lost twice is logged, and the next invocation is served."""
        scripts = [[answer(event()), read(), reset()], [read(), reset()], SERVED_AGAIN]
        outcome, api = run_until_complete(tmp_path, scripts, ECHO)
        assert api.paths == [NEXT, *[response_path("1")] * 2, NEXT, response_path("2"), NEXT]
        assert len(outcome.stdout.splitlines()) == 3

    def test_large_body_lost_while_sending(self, tmp_path: Path) -> None:
        """6 MB that are cut off by a reset are sent again whole."""
        scripts = [[answer(event()), read_head(), reset()], [answer(ACCEPTED), *SERVED_AGAIN]]
        outcome, api = run_until_complete(tmp_path, scripts, SIX_MB)
        assert len(api.requests[2].body) == 6_291_602
        assert outcome.stdout == "run 1\nrun 2\n"


class TestInitError:
    """Answers to the report that the function cannot be loaded."""

    BROKEN = "import surely_not_there\n"

    @pytest.mark.parametrize("code", [202, 204, 302, 400, 403, 404, 413, 429, 500])
    def test_any_status(self, tmp_path: Path, code: int) -> None:
        """Whatever the answer, the import error is in the log and posted once, and the exit code is above 0."""
        outcome, api = run_to_its_end(tmp_path, [[answer(status(code))]], self.BROKEN)
        assert api.paths == [INIT_ERROR]
        assert json.loads(api.requests[0].body)["errorType"] == "Runtime.ImportModuleError"
        assert api.requests[0].headers["lambda-runtime-function-error-type"] == "Runtime.ImportModuleError"
        assert outcome.exit_code == 1
        assert outcome.stdout.count("Unable to import module 'app': No module named 'surely_not_there'") == 1
        assert outcome.stderr == ""

    @pytest.mark.parametrize(
        "bad",
        [
            [[answer(b"garbage\r\n\r\n"), wait_for_close()]],
            [[answer(status(202)[:20]), close()]],
            [[read(), close()], [read(), reset()]],
        ],
        ids=["garbage", "truncated", "lost"],
    )
    def test_no_answer(self, tmp_path: Path, bad: list[list[Step]]) -> None:
        """Without a usable answer the import error is in the log all the same."""
        outcome, _ = run_to_its_end(tmp_path, bad, self.BROKEN)
        assert outcome.exit_code == 1
        assert "No module named 'surely_not_there'" in outcome.stdout
        assert outcome.stderr == ""

    def test_no_server(self, tmp_path: Path) -> None:
        """With nobody listening the process ends promptly, and the log holds the import error."""
        api = ScriptedApi()
        with api, function(api, tmp_path, self.BROKEN) as running:
            outcome = running.wait()
        assert outcome.exit_code == 1
        assert outcome.seconds < 5
        assert "No module named 'surely_not_there'" in outcome.stdout
        assert "Connection refused" in outcome.stdout


class Patient(NamedTuple):
    """Functions whose Runtime API is gone, or nearly; each takes as long as the patience lasts."""

    gone: Function
    gone_json: Function
    refusing: Function
    idle: Function
    held: Function


@pytest.fixture(scope="module", autouse=True)
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    """Starts them with the first test of this file, so that they wait while the other tests run."""
    nothing = b"HTTP/1.1 204 No Content\r\n\r\n"
    bad = answer(status(500, b"no"))
    lost = [read(), close()]
    with contextlib.ExitStack() as stack:

        def start(api: ScriptedApi, **variables: str) -> Function:
            stack.enter_context(api)
            return stack.enter_context(function(api, tmp_path_factory.mktemp("patient"), variables=variables))

        yield Patient(
            gone=start(ScriptedApi()),
            gone_json=start(ScriptedApi(), AWS_LAMBDA_LOG_FORMAT="JSON"),
            refusing=start(ScriptedApi([bad] * 40).listen()),
            held=start(ScriptedApi(lost, [read(), hold(16), close()], lost, [read()]).listen()),
            idle=start(ScriptedApi([bad, answer_for(16, nothing), bad, answer(nothing), read()]).listen()),
        )


class TestPatience:
    """How long a Runtime API that does not answer is waited for."""

    @pytest.mark.parametrize("name", ["gone", "gone_json", "refusing"])
    def test_gone_for_good(self, patient: Patient, name: str) -> None:
        """Within 30 s the function gives up, in one line that says where, what and why, and exits 1."""
        running: Function = getattr(patient, name)
        outcome = running.wait()
        assert outcome.exit_code == 1
        assert 10 < outcome.seconds < 30
        assert outcome.stderr == ""
        (line,) = outcome.stdout.splitlines()
        for part in (running.api.address, NEXT, "attempts", "'500'" if name == "refusing" else "refused"):
            assert part in line
        assert line.startswith("{") == (name == "gone_json")

    def test_polls_are_few(self, patient: Patient) -> None:
        """A server that refuses every poll sees fewer than 20 of them a second."""
        patient.refusing.wait()
        arrivals = [request.arrived_s for request in patient.refusing.api.requests]
        assert 5 < len(arrivals) < 30
        assert all(later - earlier > 1 / 20 for earlier, later in pairwise(arrivals))

    def test_an_answer_renews_it(self, patient: Patient) -> None:
        """Failures long apart, with 204 between them, do not add up; and 204 makes no hot loop either."""
        assert patient.idle.stop_when_complete().stdout == ""
        assert len(patient.idle.api.requests) < 20 * 17

    def test_idling_is_no_failure(self, patient: Patient) -> None:
        """A poll that the server held for long, until something on the way closed the idle connection, is repeated."""
        assert patient.held.stop_when_complete().stdout == ""
        *_, held, after, last = (request.arrived_s for request in patient.held.api.requests)
        assert after - held > 16
        assert 0.15 < last - after < 1, "the delays begin anew"
