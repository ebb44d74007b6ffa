"""What passes between workers and their parent: slots, connections left behind, delays, and what the platform sees."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ric.process.pool.abandoned import AbandonedConnection, ids_in
from ric.process.pool.channel import WANTS_EXTENSION, Channel
from ric.process.pool.crashes import MAX_CRASHES, Crashes
from ric.process.pool.place import Place
from ric.process.pool.slots import BUSY, IDLE, STARTING, Slots
from tests.pool_running import APP, Gate, children, kill_and_wait
from tests.scripted_api import (
    ACCEPTED,
    INIT_ERROR,
    NEXT,
    TIMEOUT_S,
    ScriptedApi,
    answer,
    error_path,
    event,
    function,
    hold,
    read,
    reset,
    response_path,
    run_to_its_end,
    send,
    status,
    tell,
    wait_for,
)

EVENT = event("one", b"{}", b"Lambda-Runtime-Invocation-Id: token")


class TestSlots:
    """The memory in which a worker notes what it holds."""

    def test_life_of_a_slot(self) -> None:
        """A slot tells what its owner holds, for as long as it does, and counts what was served."""
        slot = Slots(2)[1]
        assert (slot.stage, slot.held, slot.served) == (STARTING, None, 0)
        slot.release()
        assert (slot.stage, slot.served) == (IDLE, 0)
        slot.hold(b"one", b"token")
        assert slot.held == ("one", "token")
        slot.release()
        assert (slot.stage, slot.held, slot.served) == (IDLE, None, 1)
        slot.hold(b"two", b"")
        assert slot.held == ("two", "")
        slot.clear()
        assert (slot.stage, slot.held, slot.served) == (STARTING, None, 0)

    def test_it_is_shared_with_a_forked_process(self) -> None:
        """What a child notes its parent reads, also when the child was killed right after it."""
        slots = Slots(2)
        pid = os.fork()
        if not pid:
            slots[1].hold(b"from the child", b"")
            os.kill(os.getpid(), 9)
        os.waitpid(pid, 0)
        assert slots[1].held == ("from the child", "")
        assert slots[0].stage == STARTING

    def test_ids_without_room(self) -> None:
        """Ids that are longer than the slot are left out, and the memory next to it stays as it is."""
        slots = Slots(2)
        slots[1].hold(b"neighbour", b"")
        slots[0].hold(b"x" * 1000, b"y" * 1000)
        assert (slots[0].stage, slots[0].held) == (BUSY, None)
        assert slots[1].held == ("neighbour", "")


class TestAbandonedConnection:
    """The connection of a dead worker, as its parent goes on with it."""

    @pytest.mark.parametrize("data", [EVENT, b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + EVENT])
    def test_an_event_that_nobody_read(self, data: bytes) -> None:
        """Whose it is stands in the head, and comes in pieces of any size."""
        server, ours = socket.socketpair()
        with server:
            connection = AbandonedConnection(ours.detach())
            assert server.recv(1) == b"", "the server is told that nobody will ask again"
            for number in range(len(data)):
                if ids := connection.read():
                    break
                server.sendall(data[number : number + 1])
            ids = ids or connection.read()
            assert ids == ("one", "token")
            assert connection.is_over

    @pytest.mark.parametrize("data", [b"", b"HTTP/1.1 202 A\r\n\r\n", EVENT[:100], ACCEPTED + EVENT])
    def test_anything_else(self, data: bytes) -> None:
        """The end of the connection, the answer to a post and half a head name no invocation."""
        server, ours = socket.socketpair()
        server.sendall(data)
        server.close()
        connection = AbandonedConnection(ours.detach())
        assert connection.read() is None
        assert connection.is_over

    def test_names_in_any_case(self) -> None:
        """Header names are case-insensitive, values keep their case, and lines may end in a bare LF."""
        assert ids_in(b"HTTP/1.1 200 OK\nlambda-RUNTIME-aws-request-id:  AbC \n\n") == (b"AbC", b"")


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Returns both ends of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return listener.accept()[0], client


class TestPlace:
    """A worker's side."""

    @pytest.mark.parametrize("blocks", [True, False])
    def test_the_ids_are_noted_before_the_event_is_taken(self, blocks: bool) -> None:
        """The head is read without taking a byte of it, however slowly it comes, and whatever a handler did to it."""
        server, ours = tcp_pair()
        channel = Channel()
        slot = Slots(1)[0]
        place = Place(0, slot, channel, ours.detach())
        assert place.connection is not None
        os.set_blocking(place.connection.fileno(), blocks)

        def drip() -> None:
            for byte in EVENT:
                server.sendall(bytes([byte]))

        thread = threading.Thread(target=drip)
        thread.start()
        with server:
            place.wait(0)
            thread.join()
            assert slot.held == ("one", "token")
            assert place.connection.recv(len(EVENT)) == EVENT
        place.connection.close()
        channel.close()

    @pytest.mark.parametrize("data", [b"", b"HTTP/1.1 500 A\r\n\r\n", EVENT[:100]])
    def test_what_is_no_event(self, data: bytes) -> None:
        """A refusal and the end of the connection are left to who reads them."""
        server, ours = tcp_pair()
        server.sendall(data)
        server.close()
        channel = Channel()
        slot = Slots(1)[0]
        place = Place(0, slot, channel, ours.detach())
        place.wait(0)
        assert (slot.stage, slot.held) == (IDLE, None)
        assert place.connection is not None
        place.connection.close()
        channel.close()

    def test_messages(self) -> None:
        """The parent gets a copy of each connection with its slot's number, and hears who waits for the extension."""
        channel = Channel()
        server, ours = socket.socketpair()
        with server, ours:
            channel.send_connection(70_000, ours.fileno())
            message = channel.receive()
            assert message is not None
            number, descriptor = message
            assert number == 70_000
            assert descriptor is not None
            assert os.path.sameopenfile(descriptor, ours.fileno())
            os.close(descriptor)
            waiting = threading.Thread(target=channel.await_extension)
            waiting.start()
            while (message := channel.receive()) is None:
                pass
            assert message == (WANTS_EXTENSION, None)
            channel.open_gate()
            waiting.join(TIMEOUT_S)
            assert not waiting.is_alive()
            channel.await_extension()  # from now on nobody waits
        channel.close()


def test_delays_between_crashes() -> None:
    """The first death is replaced at once, later ones ever more slowly, and who served something begins anew."""
    crashes = Crashes()
    delays = []
    while not crashes.is_loop:
        crashes.note_death(served=0)
        delays.append(crashes.delay_s)
    assert delays == [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert len(delays) == MAX_CRASHES
    crashes.note_death(served=1)
    assert (crashes.delay_s, crashes.is_loop) == (0, False)


def in_pool(size: int, **variables: str) -> dict[str, str]:
    """Returns the environment of so many workers."""
    return {"AWS_LAMBDA_MAX_CONCURRENCY": str(size), **variables}


in_modes = pytest.mark.parametrize("mode", ["process", "thread", "asyncio"])


class TestOnTheWire:
    """What the Runtime API sees of a pool of one."""

    def test_the_report_of_a_death(self, tmp_path: Path) -> None:
        """The parent posts over a connection of its own, echoes the invocation id, and sends the error's type."""
        source = "import os\ndef handler(event, context):\n    os._exit(3)\n"
        worker, parent = [answer(EVENT)], [answer(ACCEPTED)]
        is_back = threading.Event()
        with (
            ScriptedApi(worker, parent, [read(), tell(is_back)]).listen() as api,
            function(api, tmp_path, source, variables=in_pool(1)),
        ):
            assert is_back.wait(TIMEOUT_S)
        report = api.requests[1]
        assert report.path == "/2018-06-01/runtime/invocation/one/error"
        assert report.headers["lambda-runtime-invocation-id"] == "token"
        assert report.headers["lambda-runtime-function-error-type"] == "Runtime.ExitError"
        assert json.loads(report.body)["errorMessage"].endswith("exit status 3")
        assert api.requests[2].path == NEXT

    @pytest.mark.parametrize("code", [400, 403, 410])
    def test_a_report_that_comes_too_late(self, code: int, tmp_path: Path) -> None:
        """A refusal means that the caller has an answer: nothing is logged but the death, and the pool goes on."""
        source = "import os\ndef handler(event, context):\n    os._exit(3)\n"
        is_back = threading.Event()
        with (
            ScriptedApi([answer(EVENT)], [answer(status(code))], [read(), tell(is_back)]).listen() as api,
            function(api, tmp_path, source, variables=in_pool(1)) as running,
        ):
            assert is_back.wait(TIMEOUT_S)
            running.process.terminate()
            assert running.wait().stdout.count("[ERROR]") == 1

    def test_a_container_error(self, tmp_path: Path) -> None:
        """500 to an answer ends the environment with 1, whoever gets it."""
        source = "def handler(event, context):\n    return 1\n"
        outcome, api = run_to_its_end(
            tmp_path,
            [[answer(EVENT), answer(status(500))], [answer(status(500))]],
            source,
            variables=in_pool(1),
        )
        assert outcome.exit_code == 1
        assert api.paths == [NEXT, response_path("one"), "/2018-06-01/runtime/invocation/one/error"]

    def test_a_successor_waits_on_the_same_connection(self, tmp_path: Path) -> None:
        """A worker that dies while it waits is not missed by the platform, which counts outstanding questions."""
        is_waiting, is_killed = threading.Event(), threading.Event()
        script = [answer(EVENT), answer(ACCEPTED), read(), tell(is_waiting), wait_for(is_killed), send(EVENT)]
        script += [answer(ACCEPTED), read()]
        with ScriptedApi(script).listen() as api, function(api, tmp_path, APP, variables=in_pool(1)) as running:
            assert is_waiting.wait(TIMEOUT_S)
            kill_and_wait(children(running.process.pid), signal.SIGUSR1)
            is_killed.set()
            api.wait_until_complete()
        assert api.paths == [NEXT, response_path("one"), NEXT, response_path("one"), NEXT]
        assert len({request.body for request in api.requests if request.method == "POST"}) == 2, "two processes"

    def test_an_event_for_a_worker_that_died_when_it_had_asked(self, tmp_path: Path) -> None:
        """One that has crashed before leaves its question to nobody; the event is reported as soon as it comes."""
        is_waiting, is_killed = threading.Event(), threading.Event()
        worker = [read(), tell(is_waiting), wait_for(is_killed), send(EVENT)]
        crash = [answer(event("zero", b'{"exit": 1}'))]
        with (
            ScriptedApi(crash, [answer(ACCEPTED)], worker, [answer(ACCEPTED)]).listen() as api,
            function(api, tmp_path, APP, variables=in_pool(1)) as running,
        ):
            assert is_waiting.wait(TIMEOUT_S)
            kill_and_wait(children(running.process.pid), signal.SIGUSR1)
            is_killed.set()
            api.wait_until_complete()
        assert api.paths[-1] == error_path("one")
        assert b"before it had read the event" in api.requests[-1].body

    def test_an_event_for_a_successor_that_cannot_start(self, tmp_path: Path) -> None:
        """It inherits a question and fails to load the handler: the event that answers it is reported, not lost."""
        flag = tmp_path / "broken"
        code = f"import os\nassert not os.path.exists({str(flag)!r})\n{APP}"
        is_waiting, has_failed = threading.Event(), threading.Event()
        worker = [answer(EVENT), answer(ACCEPTED), read(), tell(is_waiting), wait_for(has_failed)]
        worker.append(send(event("two")))
        first_failure = [answer(status(403)), tell(has_failed)]
        others = [[answer(ACCEPTED)]] * 2  # the report, and the failure of the next successor
        with (
            ScriptedApi(worker, first_failure, *others).listen() as api,
            function(api, tmp_path, code, variables=in_pool(1)) as running,
        ):
            assert is_waiting.wait(TIMEOUT_S)
            flag.touch()
            kill_and_wait(children(running.process.pid), signal.SIGUSR1)
            api.wait_until_complete()
        assert sorted(api.paths[3:]) == [INIT_ERROR, INIT_ERROR, error_path("two")]

    def test_an_api_that_does_not_answer_a_report(self, tmp_path: Path) -> None:
        """The parent gives up after a moment, and is there for its other duties."""
        source = "import os\ndef handler(event, context):\n    os._exit(3)\n"
        is_over = threading.Event()
        silent = [read(), wait_for(is_over)]
        with (
            ScriptedApi([answer(EVENT)], silent, silent, [read(), tell(is_over)]).listen() as api,
            function(api, tmp_path, source, variables=in_pool(1)) as running,
        ):
            assert is_over.wait(TIMEOUT_S)
            running.process.terminate()
            assert "the Runtime API was not told: timed out" in running.wait().stdout

    @in_modes
    def test_a_poll_that_is_reset(self, mode: str, tmp_path: Path) -> None:
        """It is asked anew by the same process, whose other invocation goes on and is answered."""
        gate = Gate(tmp_path)
        is_at_work, is_back = threading.Event(), threading.Event()
        at_work = [answer(event("one", json.dumps(gate.event).encode())), answer(ACCEPTED), read()]
        idle = [read(), wait_for(is_at_work), reset()]
        again = [read(), tell(is_back), send(event("two")), answer(ACCEPTED), read()]
        variables = in_pool(2, AWS_LAMBDA_CONCURRENCY_MODE=mode)
        with (
            ScriptedApi(at_work, idle, again).listen() as api,
            function(api, tmp_path, APP, variables=variables) as running,
        ):
            gate.wait()
            workers = children(running.process.pid)
            is_at_work.set()
            assert is_back.wait(TIMEOUT_S)
            assert children(running.process.pid) == workers
            gate.open()
            outcome = running.stop_when_complete()
        assert outcome.stdout + outcome.stderr == ""
        posted = sorted(request.path for request in api.requests if request.method == "POST")
        assert posted == [response_path("one"), response_path("two")]

    @in_modes
    def test_descriptors_that_do_not_block(self, mode: str, tmp_path: Path) -> None:
        """A handler that made all of them so loses no event, and its worker knows what it holds when it dies."""
        # It does so when the last answer was read, as a thread of its own might: who has to wait for one mends it.
        source = """
import contextlib, os
from ric.api.runtime_api import RuntimeApi
ask = RuntimeApi.next
def ask_without_blocking(api):
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            os.set_blocking(int(number), False)
    return ask(api)
RuntimeApi.next = ask_without_blocking
def handler(event, context):
    if event.get("exit"):
        os._exit(3)
"""
        head, rest = (found := event("two", b'{"exit": 1}'))[:40], found[40:]
        worker = [answer(event("one")), answer(ACCEPTED), read(), hold(0.2), send(head), hold(0.2), send(rest)]
        variables = in_pool(1, AWS_LAMBDA_CONCURRENCY_MODE=mode)
        with (
            ScriptedApi(worker, [answer(ACCEPTED)]).listen() as api,
            function(api, tmp_path, source, variables=variables),
        ):
            api.wait_until_complete()
        assert api.paths[:4] == [NEXT, response_path("one"), NEXT, error_path("two")]
        assert b"exit status 3" in api.requests[3].body

    def test_the_api_is_gone(self, tmp_path: Path) -> None:
        """Nothing listens any more: the pool gives up as a single runtime does, and does not start workers for ever."""
        source = "def handler(event, context):\n    return 1\n"
        began_s = time.monotonic()
        with ScriptedApi() as api, function(api, tmp_path, source, variables=in_pool(2)) as running:
            outcome = running.wait()
        assert outcome.exit_code == 1
        assert time.monotonic() - began_s < 30
        assert outcome.stdout.count("does not answer") <= 2
        assert "in a row" not in outcome.stdout

    def test_the_init_error_is_reported_by_the_parent_if_need_be(self, tmp_path: Path) -> None:
        """A worker that is gone while it loads the handler has no time to say so."""
        outcome, api = run_to_its_end(tmp_path, [[answer(ACCEPTED)]], "import os\nos._exit(0)\n", variables=in_pool(1))
        assert outcome.exit_code == 1
        assert api.paths == [INIT_ERROR]
        assert api.requests[0].headers["lambda-runtime-function-error-type"] == "Runtime.ExitError"


def test_the_pool_event(tmp_path: Path) -> None:
    """At level DEBUG the parent tells how many workers it starts, and only it."""
    (tmp_path / "app.py").write_text("import os\nos._exit(0)\n")
    done = subprocess.run(
        [sys.executable, "-m", "ric", "app.handler"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
            **in_pool(3),
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    events = [json.loads(line) for line in done.stdout.splitlines() if "runtime_worker_pool_initializing" in line]
    assert [entry["message"] for entry in events] == [
        {
            "event": "runtime_worker_pool_initializing",
            "workerCount": 3,
            "executionEnvironmentMaxConcurrency": 3,
        }
    ]
    assert events[0]["level"] == "DEBUG"


def test_each_worker_has_a_log_of_its_own(tmp_path: Path) -> None:
    """Each stream of each worker is a connection to the log socket; the parent keeps its own output."""
    source = "import signal, sys\nprint('to stdout')\nsys.stderr.write('to stderr\\n')\nsignal.pause()\n"
    path = str(tmp_path / "logs")
    with socket.socket(socket.AF_UNIX) as listener, ScriptedApi() as api:
        listener.bind(path)
        listener.listen()
        listener.settimeout(TIMEOUT_S)
        variables = in_pool(2, _LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET=path)
        with function(api, tmp_path, source, variables=variables) as running:
            connections = [listener.accept()[0] for _ in range(4)]
            received = []
            for connection in connections:
                with connection, connection.makefile() as lines:
                    received.append(lines.readline())
            running.process.terminate()
            outcome = running.wait()
    assert sorted(received) == ["to stderr\n"] * 2 + ["to stdout\n"] * 2
    assert outcome[:3] == (-signal.SIGTERM, "", "")
