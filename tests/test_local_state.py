"""The emulator's state, which has neither addresses nor processes: its clock is moved by hand."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

import pytest

from ric.local.invocation import Answer, Failure, Invocation, Outcome, StoppedError, ThrottledError
from ric.local.invocation_queue import InvocationQueue
from ric.local.reply import MAX_WAITING_BYTES, Reply, ReplyOverError
from ric.local.runtime.lifecycle import INIT_LIMIT_SECONDS, Lifecycle, Step
from ric.local.runtime.running import (
    AlreadyDoneError,
    LateAnswerError,
    Running,
    Settled,
    SurplusNextError,
    UnknownRequestError,
)
from ric.local.runtime.sandbox import Sandbox
from ric.local.runtime.startup import Startup

TIMEOUT_SECONDS = 30
DONE = Outcome(b"1")


class World:
    """A queue and sandboxes whose runtimes, clock and owner the test plays.

    Args:
        sandboxes: How many environments there are.
        slots: How many invocations each may have at once; None for one, in the ordinary way.
        timeout_s: How long an invocation may take.
        snap_start: Whether runtimes are restored from a snapshot.
    """

    def __init__(
        self, *, sandboxes: int = 1, slots: int | None = None, timeout_s: float | None = None, snap_start: bool = False
    ) -> None:
        self.now = 100.0
        self.queue = InvocationQueue(max_queued=4)
        self.sandboxes = [
            Sandbox(self.queue, slots, timeout_s, snap_start, clock=lambda: self.now) for _ in range(sandboxes)
        ]
        self.lifecycles = [
            Lifecycle(sandbox, starts_at_once=number == 0) for number, sandbox in enumerate(self.sandboxes)
        ]
        self.sandbox, self.lifecycle = self.sandboxes[0], self.lifecycles[0]
        self.startup = Startup(self.sandbox)

    def start(self, number: int = 0) -> None:
        """Starts a runtime, up to where it waits for its first invocation."""
        assert self.lifecycles[number].next_task().step is Step.START
        self.sandboxes[number].ask(self.sandboxes[number].runtime_number)

    def submit(self, request_id: str) -> Reply:
        """Queues an invocation."""
        return self.queue.submit(Invocation(request_id, b"{}"))

    def take(self, number: int = 0) -> Running:
        """Takes an invocation, as a runtime."""
        running = self.sandboxes[number].calls.take(self.sandboxes[number].runtime_number)
        assert running
        return running

    def has_nothing_to_do(self, number: int = 0) -> bool:
        """Whether the owner of the runtime may sleep on."""
        with self.queue.changed:
            return self.lifecycles[number].decide(self.now) is None


class TestAnswers:
    """Who may answer what."""

    def test_an_answer_counts_once(self) -> None:
        """A second answer is refused, one to an invocation that never was as well."""
        world = World()
        world.start()
        world.submit("a")
        settled = world.sandbox.settle(world.sandbox.claim(world.take().invocation.request_id), DONE)
        assert settled
        assert settled.outcome == DONE
        with pytest.raises(AlreadyDoneError):
            world.sandbox.claim("a")
        with pytest.raises(UnknownRequestError):
            world.sandbox.claim("b")

    def test_the_duration_is_the_clocks(self) -> None:
        """An invocation lasts from being taken to being settled, whatever it waited before."""
        world = World()
        world.start()
        world.submit("a")
        world.now += 5
        running = world.take()
        world.now += 0.25
        settled = world.sandbox.settle(running, DONE)
        assert settled
        assert settled.duration_ms == 250

    def test_an_invocation_that_was_given_up_is_gone(self) -> None:
        """Asking for the next one gives up the one before; an answer to that is too late."""
        world = World()
        world.start()
        world.submit("a")
        world.take()
        given_up = world.sandbox.ask(world.sandbox.runtime_number).given_up
        assert given_up
        assert json.loads(given_up.outcome.body)["errorType"] == "Runtime.NoResponse"
        with pytest.raises(LateAnswerError):
            world.sandbox.claim("a")

    def test_several_at_once(self) -> None:
        """With slots, asking for the next one gives up nothing, and answers come in any order."""
        world = World(slots=2)
        world.start()
        for request_id in "ab":
            world.submit(request_id)
            world.take()
            assert world.sandbox.ask(world.sandbox.runtime_number).given_up is None
        for request_id in "ba":
            assert world.sandbox.settle(world.sandbox.claim(request_id), DONE)

    def test_surplus_calls_for_the_next_one(self) -> None:
        """With two slots a third outstanding call is refused, unless one of the others has hung up meanwhile."""
        world = World(slots=2)
        world.start()
        number = world.sandbox.runtime_number
        gone = threading.Event()
        with ThreadPoolExecutor(3) as calls:
            waiting = [calls.submit(world.sandbox.calls.take, number, gone.is_set) for _ in range(2)]
            with world.queue.changed:
                assert world.queue.changed.wait_for(lambda: world.sandbox.calls.waiting == 2, TIMEOUT_SECONDS)
            with pytest.raises(SurplusNextError):
                world.sandbox.calls.take(number)
            gone.set()
            third = calls.submit(world.sandbox.calls.take, number)
            assert [call.result(TIMEOUT_SECONDS) for call in waiting] == [None, None]
            world.submit("a")
            running = third.result(TIMEOUT_SECONDS)
            assert running
            assert running.invocation.request_id == "a"


class TestIdle:
    """When there is nothing left to wait for."""

    def test_a_runtime_is_busy_until_it_asks_again(self) -> None:
        """Waiting in the queue, running and what a handler does after its answer all count as work."""
        world = World()
        world.start()
        world.submit("a")
        assert not world.queue.wait_until_idle(0)
        running = world.take()
        assert not world.queue.wait_until_idle(0)
        world.sandbox.settle(running, DONE)
        assert not world.queue.wait_until_idle(0)
        with ThreadPoolExecutor(2) as calls:
            idle = calls.submit(world.queue.wait_until_idle, TIMEOUT_SECONDS)
            world.sandbox.ask(world.sandbox.runtime_number)
            call = calls.submit(world.sandbox.calls.take, world.sandbox.runtime_number)
            assert idle.result(TIMEOUT_SECONDS)
            world.queue.close()
            world.lifecycle.runtime_ended(Failure("Runtime.ExitError", "it ended"))
            assert call.result(TIMEOUT_SECONDS) is None

    def test_a_runtime_that_ended_does_nothing_more(self) -> None:
        """The wait ends with the runtime, also if it never asked again."""
        world = World(sandboxes=2)
        world.start()
        world.submit("a")
        world.sandbox.settle(world.take(), DONE)
        with ThreadPoolExecutor(1) as calls:
            idle = calls.submit(world.queue.wait_until_idle, TIMEOUT_SECONDS)
            world.lifecycle.runtime_ended(Failure("Runtime.ExitError", "it ended"))
            assert idle.result(TIMEOUT_SECONDS)

    def test_the_end_of_the_emulator_ends_the_wait(self) -> None:
        """Nobody waits for what is being ended."""
        world = World()
        world.start()
        with ThreadPoolExecutor(1) as calls:
            idle = calls.submit(world.queue.wait_until_idle, TIMEOUT_SECONDS)
            world.queue.close()
            assert idle.result(TIMEOUT_SECONDS)

    def test_a_snapshot_that_waits_is_idle(self) -> None:
        """A runtime that is to be restored has nothing to do before there is an event."""
        world = World(snap_start=True)
        assert world.lifecycle.next_task().step is Step.START
        assert not world.queue.wait_until_idle(0)
        world.startup.reach_snapshot(world.sandbox.runtime_number)
        assert world.queue.wait_until_idle(0)


class TestDraining:
    """What is waited for before the end."""

    def test_a_handler_that_goes_on_after_its_answer(self) -> None:
        """Nobody else can wait for it; its end is that the runtime asks again, or ends."""
        for end in ("ask", "exit"):
            world = World()
            world.start()
            world.submit("a")
            world.sandbox.settle(world.take(), DONE)
            assert not world.queue.drain(0)
            with ThreadPoolExecutor(1) as calls:
                drained = calls.submit(world.queue.drain, TIMEOUT_SECONDS)
                if end == "ask":
                    world.sandbox.ask(world.sandbox.runtime_number)
                else:
                    world.lifecycle.runtime_ended(Failure("Runtime.ExitError", "it ended"))
                assert drained.result(TIMEOUT_SECONDS)

    def test_asynchronous_invocations(self) -> None:
        """They were accepted, so they are run, also those that still wait in the queue."""
        world = World()
        world.start()
        for request_id in "ab":
            world.queue.submit(Invocation(request_id, b"{}"), is_awaited=False)
        for _ in "ab":
            assert not world.queue.drain(0)
            running = world.take()
            assert not world.queue.drain(0)
            world.sandbox.settle(running, DONE)
            assert not world.queue.drain(0)
            world.sandbox.ask(world.sandbox.runtime_number)
        assert world.queue.drain(0)

    def test_invocations_without_an_answer(self) -> None:
        """Whoever wants the answer waits for it; the caller may also be gone, of which nothing is known here."""
        world = World(sandboxes=2)
        world.start()
        running, queued = world.submit("a"), world.submit("b")
        world.take()
        assert world.queue.drain(0)
        assert not running.is_over
        assert not queued.is_over

    def test_new_invocations_are_refused(self) -> None:
        """Otherwise there might be no end."""
        world = World()
        world.start()
        assert world.queue.drain(0)
        with pytest.raises(StoppedError):
            world.submit("a")

    def test_the_end_of_the_emulator_ends_the_wait(self) -> None:
        """A signal ends everything at once, in the middle of the wait too."""
        world = World()
        world.start()
        world.submit("a")
        world.sandbox.settle(world.take(), DONE)
        with ThreadPoolExecutor(1) as calls:
            drained = calls.submit(world.queue.drain, TIMEOUT_SECONDS)
            world.queue.close()
            assert drained.result(TIMEOUT_SECONDS)


class TestTimeouts:
    """When time is up."""

    def test_a_runtime_that_takes_too_long_is_ended(self) -> None:
        """At the deadline, not before, the caller is to be told in Lambda's words, and the runtime no longer counts."""
        world = World(timeout_s=3)
        world.start()
        world.submit("a")
        running = world.take()
        number = world.sandbox.runtime_number
        world.now += 2.999
        assert world.has_nothing_to_do()
        world.now += 0.001
        task = world.lifecycle.next_task()
        assert task.step is Step.END_OVERDUE
        (settled,) = task.settled
        assert settled.outcome.is_function_error
        assert json.loads(settled.outcome.body)["errorMessage"].endswith(" a Task timed out after 3.00 seconds")
        assert world.sandbox.settle(running, DONE) is None
        with pytest.raises(LateAnswerError):
            world.sandbox.claim("a")
        assert world.sandbox.calls.take(number) is None

    def test_one_of_several_is_only_told(self) -> None:
        """With slots the process lives on, and the answer that comes too late is refused."""
        world = World(slots=2, timeout_s=3)
        world.start()
        world.submit("a")
        world.take()
        world.now += 1
        world.submit("b")
        world.take()
        world.now += 2
        task = world.lifecycle.next_task()
        assert (task.step, [one.running.invocation.request_id for one in task.settled]) == (Step.SETTLE, ["a"])
        with pytest.raises(LateAnswerError):
            world.sandbox.claim("a")
        assert world.sandbox.settle(world.sandbox.claim("b"), DONE)

    def test_a_start_that_takes_too_long(self) -> None:
        """Where there is a time limit, a function that does not start in ten seconds and that is ended."""
        world = World(timeout_s=3)
        assert world.lifecycle.next_task().step is Step.START
        world.submit("a")
        world.now += INIT_LIMIT_SECONDS + 2.9
        assert world.has_nothing_to_do()
        world.now += 0.2
        assert world.lifecycle.next_task().step is Step.END_OVERDUE
        ended = world.lifecycle.runtime_ended(Failure("Runtime.ExitError", "killed"))
        assert [json.loads(one.outcome.body)["errorType"] for one in ended.settled] == ["Sandbox.Timedout"]

    def test_a_handler_that_goes_on_after_its_answer(self) -> None:
        """An invocation lasts until its runtime asks for the next one; the caller has its answer, the log is told."""
        world = World(timeout_s=3)
        world.start()
        world.submit("a")
        running = world.take()
        number = world.sandbox.runtime_number
        world.now += 1
        assert world.sandbox.settle(running, DONE)
        world.now += 1.999
        assert world.has_nothing_to_do()
        world.now += 0.001
        task = world.lifecycle.next_task()
        assert (task.step, task.settled) == (Step.END_OVERDUE, [])
        assert task.overrun
        assert task.overrun.request_id == "a"
        assert task.overrun.message.endswith(" a Task timed out after 3.00 seconds")
        world.submit("b")
        assert world.sandbox.calls.take(number) is None
        assert world.lifecycle.runtime_ended(Failure("Sandbox.Timedout", "killed")).settled == []
        world.start()
        assert world.take().invocation.request_id == "b"

    def test_a_runtime_that_asks_in_time_may_idle(self) -> None:
        """The time of an invocation that is over does not run on."""
        world = World(timeout_s=3)
        world.start()
        world.submit("a")
        world.sandbox.settle(world.take(), DONE)
        world.sandbox.ask(world.sandbox.runtime_number)
        world.now += 1e6
        assert world.has_nothing_to_do()

    def test_of_several_none_is_known_to_go_on(self) -> None:
        """With slots it cannot be told which call for the next one belongs to which invocation."""
        world = World(slots=2, timeout_s=3)
        world.start()
        world.submit("a")
        world.sandbox.settle(world.take(), DONE)
        world.now += 1e6
        assert world.has_nothing_to_do()

    def test_without_a_limit_nothing_expires(self) -> None:
        """Somebody who sits in a debugger has all the time in the world."""
        world = World()
        assert world.lifecycle.next_task().step is Step.START
        world.now += 1e6
        assert world.has_nothing_to_do()
        world.sandbox.ask(world.sandbox.runtime_number)
        world.submit("a")
        running = world.take()
        world.now += 1e6
        assert world.has_nothing_to_do()
        world.sandbox.settle(running, DONE)
        world.now += 1e6
        assert world.has_nothing_to_do()


class TestStartsAndEnds:
    """When a runtime is started, and who is told when it ends."""

    def test_the_first_in_the_queue_learns_why_the_runtime_did_not_start(self) -> None:
        """The caller for whom a runtime was started gets its init error; for those behind another one is started."""
        world = World()
        assert world.lifecycle.next_task().step is Step.START
        world.submit("a")
        world.submit("b")
        failure = Failure("Runtime.ImportModuleError", "no", b'{"errorType": "Runtime.ImportModuleError"}')
        world.startup.report_init_failure(failure)
        assert world.lifecycle.next_task().step is Step.END_FAILED
        world.lifecycle.note_exit()
        assert world.lifecycle.next_task().step is Step.REAP
        ended = world.lifecycle.runtime_ended(Failure("Runtime.ExitError", "exit status 1"))
        assert ended.init_failure == failure
        assert self.told(ended.settled) == [("a", failure.document)]
        assert world.lifecycle.next_task().step is Step.START

    def test_the_caller_of_a_runtime_that_dies_is_told(self) -> None:
        """A runtime that dies at work costs its own invocation, and is started again for the next one only."""
        world = World()
        world.start()
        world.submit("a")
        world.take()
        world.lifecycle.note_exit()
        assert world.lifecycle.next_task().step is Step.REAP
        ended = world.lifecycle.runtime_ended(Failure("Runtime.ExitError", "signal: killed"))
        assert ended.init_failure is None
        assert [request_id for request_id, _ in self.told(ended.settled)] == ["a"]
        assert world.has_nothing_to_do()
        world.submit("b")
        assert world.lifecycle.next_task().step is Step.START

    def test_more_runtimes_as_callers_come(self) -> None:
        """Another environment starts when more wait than those that run, or are starting, can take."""
        world = World(sandboxes=3)
        world.start()
        assert world.has_nothing_to_do(1)
        world.submit("a")
        assert world.has_nothing_to_do(1)
        world.take()
        world.submit("b")
        assert world.lifecycles[1].next_task().step is Step.START
        assert world.has_nothing_to_do(2)
        world.submit("c")
        assert world.lifecycles[2].next_task().step is Step.START

    def test_another_runtime_while_one_goes_on_after_its_answer(self) -> None:
        """A runtime that does not ask again soon is busy; one that does is not overtaken by a new process."""
        world = World(sandboxes=2)
        world.start()
        world.submit("a")
        world.sandbox.settle(world.take(), DONE)
        world.submit("b")
        assert world.has_nothing_to_do(1)
        world.now += 0.1
        assert world.lifecycles[1].next_task().step is Step.START

    def test_a_restart_waits_for_what_runs(self) -> None:
        """A restart lets the invocation finish, what comes after its answer too, and keeps the queue."""
        world = World()
        world.start()
        world.submit("a")
        running = world.take()
        waiting = world.submit("b")
        world.lifecycle.request_restart(5)
        assert world.has_nothing_to_do()
        assert world.sandbox.settle(running, DONE)
        assert world.has_nothing_to_do()
        world.sandbox.ask(world.sandbox.runtime_number)
        assert world.lifecycle.next_task().step is Step.RESTART
        assert world.lifecycle.runtime_ended(Failure("x", "y"), was_restarted=True).settled == []
        assert not waiting.is_over
        world.start()
        assert world.take().invocation.request_id == "b"

    def test_a_restart_does_not_wait_for_ever(self) -> None:
        """After the grace time what still runs is ended with an error."""
        world = World()
        world.start()
        world.submit("a")
        world.take()
        world.lifecycle.request_restart(5)
        world.now += 5
        assert world.lifecycle.next_task().step is Step.RESTART
        ended = world.lifecycle.runtime_ended(Failure("Runtime.ExitError", "restarted"), was_restarted=True)
        assert [request_id for request_id, _ in self.told(ended.settled)] == ["a"]

    def test_a_restart_tries_a_function_again_that_did_not_start(self) -> None:
        """Whoever mended the code sees at once whether it starts now."""
        world = World()
        assert world.lifecycle.next_task().step is Step.START
        world.lifecycle.runtime_ended(Failure("Runtime.ExitError", "exit status 1"))
        assert world.has_nothing_to_do()
        world.lifecycle.request_restart(5)
        assert world.lifecycle.next_task().step is Step.START

    def test_what_comes_back_is_first_again(self) -> None:
        """An invocation that never reached its runtime goes to the head of the queue."""
        world = World()
        world.start()
        world.submit("a")
        world.submit("b")
        world.sandbox.put_back(world.take())
        assert world.take().invocation.request_id == "a"

    def told(self, settled: list[Settled]) -> list[tuple[str, bytes]]:
        """Returns who is told what."""
        return [(one.running.invocation.request_id, one.outcome.body) for one in settled]


class TestSnapshots:
    """SnapStart."""

    def test_the_runtime_is_restored_for_an_invocation(self) -> None:
        """The runtime waits at its snapshot until there is something to do; start and restoration are timed apart."""
        world = World(snap_start=True)
        assert world.lifecycle.next_task().step is Step.START
        number = world.sandbox.runtime_number
        world.now += 2
        assert world.startup.reach_snapshot(number) == 2000
        with ThreadPoolExecutor(1) as calls:
            restored = calls.submit(world.startup.wait_for_restore, number)
            world.submit("a")
            assert restored.result(TIMEOUT_SECONDS)
        world.now += 0.5
        assert world.sandbox.ask(number).init_duration_ms is None
        running = world.take()
        assert (running.init_duration_ms, running.restore_duration_ms) == (None, 500)

    def test_only_where_it_was_asked_for(self) -> None:
        """Without SnapStart there is nothing to restore, and restoring fails only after it began."""
        world = World()
        assert world.lifecycle.next_task().step is Step.START
        with pytest.raises(AlreadyDoneError):
            world.startup.reach_snapshot(world.sandbox.runtime_number)
        with pytest.raises(AlreadyDoneError):
            world.startup.report_restore_failure(Failure("x", "y"))


class TestQueue:
    """Those who wait."""

    def test_it_is_bounded(self) -> None:
        """One more than may wait is throttled."""
        world = World()
        for request_id in "abcd":
            world.submit(request_id)
        with pytest.raises(ThrottledError):
            world.submit("e")

    def test_nobody_is_left_waiting_at_the_end(self) -> None:
        """Closing fails whoever waits, in the queue or at work, and refuses whoever comes later; a runtime is ended."""
        world = World()
        world.start()
        running, queued = world.submit("a"), world.submit("b")
        world.take()
        world.queue.close()
        for reply in (running, queued):
            with pytest.raises(StoppedError):
                reply.answer(0)
        with pytest.raises(StoppedError):
            world.submit("c")
        assert world.lifecycle.next_task().step is Step.CLOSE
        with ThreadPoolExecutor(1) as calls:
            call = calls.submit(world.sandbox.calls.take, world.sandbox.runtime_number)
            world.lifecycle.runtime_ended(Failure("Runtime.ExitError", "the emulator ended"))
            assert call.result(TIMEOUT_SECONDS) is None


class TestReplies:
    """Between the function and one caller."""

    def test_a_slow_reader_holds_up_the_writer(self) -> None:
        """Once the buffer is full, writing waits until something was read."""
        reply = Reply(streams=True)
        reply.begin("text/plain")
        reply.write(b"x" * MAX_WAITING_BYTES)
        with ThreadPoolExecutor(1) as writer:
            pending = writer.submit(reply.write, b"y")
            with pytest.raises(FutureTimeoutError):
                pending.result(0.05)
            chunks = reply.chunks()
            assert len(next(chunks)) == MAX_WAITING_BYTES
            pending.result(TIMEOUT_SECONDS)
            reply.finish(Answer(DONE))
            assert list(chunks) == [b"y"]

    def test_a_writer_learns_that_it_is_over(self) -> None:
        """A writer that waits, and one that comes later, are told when the time is up."""
        reply = Reply(streams=True)
        reply.begin("text/plain")
        reply.write(b"x" * MAX_WAITING_BYTES)
        with ThreadPoolExecutor(1) as writer:
            pending = writer.submit(reply.write, b"y")
            reply.finish(Answer(DONE))
            assert isinstance(pending.exception(TIMEOUT_SECONDS), ReplyOverError)
        with pytest.raises(ReplyOverError):
            reply.write(b"z")

    def test_a_reader_who_left_holds_up_nobody(self) -> None:
        """After that everything is thrown away, and the first end still counts."""
        reply = Reply(streams=True)
        reply.begin("text/plain")
        reply.abandon()
        for _ in range(3):
            reply.write(b"x" * MAX_WAITING_BYTES)
        reply.finish(Answer(DONE))
        reply.finish(Answer(Outcome(b"2")))
        assert reply.answer(0).outcome == DONE

    def test_waiting_has_an_end(self) -> None:
        """Whoever waits for an answer only so long gets a TimeoutError, as in the standard library."""
        with pytest.raises(TimeoutError):
            Reply().answer(0.01)
