"""The thread that talks to the disk, so that a slow one holds up neither the look nor the answer.

On a host whose disk drowns (which is when a guest runs away), creating a file or ``fsync`` can take seconds or never
come back. The look only hands things over, in microseconds; one thread writes them in order, at once, and makes the
disk take them every ``SYNC_EVERY_S``: 40 files one by one would be 40 waits for the disk, a group is one. What a
``kill -9`` can cost is what was handed over within the last moments; what a power cut can cost is the last
``SYNC_EVERY_S``, seen by its checksum.
"""

import queue
import threading
import time
from collections.abc import Callable

from crazytrain.store.names import JOURNAL
from crazytrain.store.problem import Problem

SYNC_EVERY_S = 0.2
Job = Callable[[], None]


class DiskThread:
    """Runs jobs in order. A job that fails is a problem (``problems``) and stops no other."""

    def __init__(self, sync: Job) -> None:
        self.problems: list[Problem] = []
        self._sync = sync
        self._due_s: float | None = None
        self._stopped = False
        self._jobs: queue.SimpleQueue[tuple[str, Job] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="case writer", daemon=True).start()

    def do(self, what: str, job: Job) -> None:
        """Hand over a job; ``what`` is the file or evidence that it is about."""
        if self._stopped:
            self.problems.append(Problem(what, "was not kept: it came after the case was closed"))
            return
        self._jobs.put((what, job))

    def settle(self, patience_s: float) -> bool:
        """Wait until all jobs handed over so far are done; say whether they are."""
        done = threading.Event()
        self._jobs.put(("", done.set))
        return done.wait(patience_s)

    def stop(self) -> None:
        """End after the jobs handed over so far."""
        self._stopped = True
        self._jobs.put(None)

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=self._left_s())
            except queue.Empty:
                job = (JOURNAL, self._sync)
            if job is None:
                return
            self._run(*job)
            if job[1] is self._sync:
                self._due_s = None
            elif self._due_s is None:
                self._due_s = time.monotonic() + SYNC_EVERY_S
            elif time.monotonic() >= self._due_s:
                self._run(JOURNAL, self._sync)
                self._due_s = None

    def _left_s(self) -> float | None:
        return None if self._due_s is None else max(0.0, self._due_s - time.monotonic())

    def _run(self, what: str, job: Job) -> None:
        try:
            job()
        except OSError as error:
            self.problems.append(Problem(what, f"was not kept: {error.strerror or error}"))
        except Exception as error:  # noqa: BLE001 - the stage's one guard: a defect here must not stop the look
            self.problems.append(Problem(what, f"was not kept: {type(error).__name__}: {error}"))
