"""One short question to one guest's monitor: what is its state."""

from crazytrain.collect.domstats import STATE, ask_libvirt
from crazytrain.collect.look import Look
from crazytrain.collect.monitor import Pace, ask, by_virsh
from crazytrain.collect.monitor_questions import question
from crazytrain.host.door import Host
from crazytrain.model.evidence import Cost, Evidence, Kind
from crazytrain.model.guest import Guest

PATIENCE_S = 0.8


async def status_now(host: Host, guest: Guest) -> Evidence:
    """Ask ``query-status`` and leave; a monitor that does not answer within ``PATIENCE_S`` is an outcome.

    Of a guest whose monitor is libvirt's, libvirt is asked for what it knows by heart.
    """
    begin_ns = host.mono_ns()
    look = Look(host=host, guest=guest, start_ns=begin_ns, end_ns=begin_ns, keep=lambda _: None)
    if by_virsh(look):
        return await ask_libvirt(host, guest, "domstats.0", (STATE,))
    answers = await ask(look, (question("query-status"),), Pace(timeout_s=PATIENCE_S, hold_s=PATIENCE_S))
    return Evidence(
        id="qmp.0",
        kind=Kind.QMP,
        source=answers.source,
        outcome=answers.outcome,
        detail=answers.detail,
        data=answers.data,
        mono_ns=begin_ns,
        wall_ns=host.wall_ns(),
        took_ns=host.mono_ns() - begin_ns,
        cost=Cost.SAMPLES,
    )
