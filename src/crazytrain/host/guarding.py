"""The guard of a pause, seen from us: started before the first pause, told before each, and what acts when we cannot."""

import asyncio
import contextlib
import os
import select
import socket
import subprocess
import sys
import threading

from crazytrain.host import resume_guard

_READY_S = 5.0
_HAND_OVER_S = 5.0


class ResumeGuard:
    """A process in a session of its own that holds a copy of the monitor's connection. See ``resume_guard``.

    It does not die with us: that is what it is for. With nothing to guard it ends when we close it, or end.
    """

    def __init__(self, line: socket.socket) -> None:
        theirs, self._pipe = os.pipe()
        try:
            self._process = subprocess.Popen(
                (sys.executable, "-I", "-S", resume_guard.__file__, str(line.fileno()), str(theirs)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(line.fileno(), theirs),
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            os.close(self._pipe)
            raise
        finally:
            os.close(theirs)
        self._armed = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ready(self) -> None:
        """Wait until it listens. Raises ``TimeoutError`` where it does not come to that."""
        if not await asyncio.to_thread(self._said_so):
            raise TimeoutError("the process that guards the pause did not start")

    def _said_so(self) -> bool:
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        readable, _, _ = select.select([self._process.stdout], [], [], _READY_S)
        return bool(readable) and self._process.stdout.read(1) == b"\n"

    def arm(self, within_s: float) -> None:
        """Say that the guest may be paused from now on, for so long at most. Raises ``OSError`` where nobody listens."""
        self._tell(resume_guard.ARM, within_s)
        self._armed = True

    def disarm(self) -> None:
        """Say that the guest runs on, or that its pause is no longer ours."""
        self._armed = False
        with contextlib.suppress(OSError):  # it has ended: there is nothing that it could do wrong
            self._tell(resume_guard.DISARM, 0)

    def _tell(self, what: bytes, within_s: float) -> None:
        if self._process.poll() is not None:
            raise BrokenPipeError("the process that guards the pause has ended")
        os.write(self._pipe, what + max(1, int(within_s * 1000)).to_bytes(resume_guard.MESSAGE_BYTES - 1, "little"))

    def close(self) -> bool:
        """Leave what is to be done to it; whether it is done. Waits for it only where the guest may be paused."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        if self._process.stdout is not None:
            self._process.stdout.close()
        try:
            self._process.wait(_HAND_OVER_S if self._armed else 0.2)
        except subprocess.TimeoutExpired:
            threading.Thread(target=self._process.wait, daemon=True).start()
            return not self._armed
        return True
