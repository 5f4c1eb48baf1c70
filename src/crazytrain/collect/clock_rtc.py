"""The guest's real-time clock and what its machine is set to, by a few short questions to QEMU's monitor."""

from crazytrain.collect.look import Look
from crazytrain.collect.monitor import Answers, Pace, ask
from crazytrain.collect.monitor_questions import human, question
from crazytrain.collect.same import gone, still_same
from crazytrain.model.evidence import Cost, Evidence, Kind

_RTC = (question("qom-get", path="/machine", property="rtc-time"), question("query-status"))
_TREE = (human("info qtree"), question("qom-get", path="/machine", property="type"))
_PACE = Pace(timeout_s=1.0, hold_s=1.0)


async def collect_clock_rtc(look: Look) -> None:
    """Keep ``clock-rtc`` (the RTC's date) and ``clock-machine`` (the device tree)."""
    for name, kind, questions in (("clock-rtc", Kind.QMP, _RTC), ("clock-machine", Kind.QMP_DEVICES, _TREE)):
        if not still_same(look.host, look.guest.process):
            look.keep(gone(look, name, kind))
            return
        times = look.host.mono_ns(), look.host.wall_ns()
        answers = await ask(look, questions, _PACE)
        look.keep(_evidence(look, (name, kind), times, answers))
        if not answers.data:
            return


def _evidence(look: Look, label: tuple[str, Kind], times: tuple[int, int], answers: Answers) -> Evidence:
    return Evidence(
        id=label[0],
        kind=label[1],
        source=answers.source,
        outcome=answers.outcome,
        detail=answers.detail,
        data=answers.data,
        mono_ns=times[0],
        wall_ns=times[1],
        took_ns=look.host.mono_ns() - times[0],
        cost=Cost.SAMPLES,
    )
