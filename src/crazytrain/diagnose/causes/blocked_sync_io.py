"""Cause qemu-blocked/blocked-sync-io."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.wait_signs import (
    is_long,
    lasted_ns,
    lock_points,
    longest,
    monitor_points,
    none_waits,
    serving,
    wait_point,
)
from crazytrain.model.facts import QemuState
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.finding import Claim, Family
from crazytrain.model.waiting import EVENT_WAITS, NO_CALL, joined, rests

LONG_FROM_NS, VERY_LONG_FROM_NS = 300_000_000, 2_000_000_000
_SHORT_CALLS = (
    "read",
    "write",
    "readv",
    "writev",
    "recvmsg",
    "sendmsg",
    "recvfrom",
    "sendto",
    "accept",
    "accept4",
    "close",
)
# To begin a connection is to ask and to wait for each answer: whoever is caught there waits for a peer that says nothing.
_BEGINS = (
    "gnutls_handshake",
    "qcrypto_tls_session_handshake",
    "qio_channel_tls_handshake*",
    "nbd_receive_negotiate*",
    "iscsi_full_connect_sync",
    "iscsi_login_sync",
    "nfs_mount",
)
_SAYS = "a thread that QEMU cannot do without is stuck in a system call that does not come back"


def blocked_sync_io(waits: Waits, state: QemuState | None) -> Claim:
    """Is QEMU's main thread, or whoever holds its big lock, stuck inside a blocking system call?"""
    stuck = longest(wait for wait in serving(waits) if _stuck(wait))
    if stuck is None:
        return Claim(
            says=_SAYS, prior=0.02, points=(none_waits(waits, "thread that serves others is stuck in a system call"),)
        )
    ratio = 60 if lasted_ns(stuck) >= VERY_LONG_FROM_NS else 25
    if not lasted_ns(stuck) and stuck.call in _SHORT_CALLS and not stuck.has(*_BEGINS):
        ratio = 3  # one moment of a loop that has work looks so, too
    points = (wait_point(stuck, ratio), *lock_points(stuck, waits, 20), *monitor_points(state))
    return Claim(says=_headline(stuck, waits), prior=0.02, points=points)


def _stuck(wait: Waiting) -> bool:
    """A call that works on a file, device or socket, for long. Waits for events, locks and pages are other causes."""
    working = wait.call not in (*EVENT_WAITS, *NO_CALL, "futex", "ioctl", "io_uring_enter")
    return working and not rests(wait) and is_long(wait, LONG_FROM_NS)


def _headline(stuck: Waiting, waits: Waits) -> str:
    on = f" of {stuck.on}" if stuck.on else ""
    hold = next((lock for lock in waits.locks if lock.owner == stuck.tid), None)
    names = [wait.label for tid in (hold.waiters if hold else ()) if (wait := waits.get(tid))]
    which = "the big lock" if hold and hold.big else "a lock"
    behind = f" and holds {which}, for which {joined(names)} {'waits' if len(names) == 1 else 'wait'}" if names else ""
    return f"QEMU's {stuck.label} is stuck in {stuck.call}{on}{behind}"


CAUSE = Cause(
    slug="blocked-sync-io",
    family=Family.QEMU_BLOCKED,
    rank=Rank.SPECIFIC,
    judge=blocked_sync_io,
    absorbs=("monitor-hung", "guest-hung-io"),
)
