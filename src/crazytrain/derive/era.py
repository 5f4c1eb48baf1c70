"""Which QEMU this must be, judged by how its main loop works."""

from crazytrain.model.facts import Facts, QemuEra, TraceStory

SIGALRM = 14
_BEFORE_ALARM_TIMERS_WENT = (1, 7)
_BEFORE_SELECT_WENT = (1, 5)


def derive_era(facts: Facts) -> QemuEra | None:
    """The era, from a trace's own lines; ``None`` where they do not tell.

    Alarm timers (timer_settime and SIGALRM) were removed in QEMU 1.7, when timers moved into the loop's timeout; the
    select() loop gave way to g_poll() in about 1.5. (QEMU's ChangeLog 1.5 and 1.7, qemu-timer.c, main-loop.c.)
    """
    story = facts.get(TraceStory)
    if story is None:
        return None
    alarms = tuple(s.ref for s in story.signals if s.number == SIGALRM) + tuple(a.ref for a in story.arms)
    selects = tuple(w.ref for w in story.waits if w.call == "select" and (w.timeout_ns or 0) >= 10**9)
    if not alarms:
        return None
    why = [
        "it keeps its timers with an alarm timer (SIGALRM, timer_settime), which QEMU 1.7 removed: it is older than 1.7"
    ]
    if selects:
        why.append(
            "its main loop waits in select() for up to 1 s, which QEMU did until about 1.4: it is older than about 1.5"
        )
    before = _BEFORE_SELECT_WENT if selects else _BEFORE_ALARM_TIMERS_WENT
    return QemuEra(before=before, after=None, why=tuple(why), refs=(*alarms[:2], *selects[:2]))
