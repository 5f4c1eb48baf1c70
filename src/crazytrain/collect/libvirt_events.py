"""What QEMU says unasked, as libvirt hears it: resets, clock changes, I/O errors, without a mark on the domain."""

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.virsh import domain_of, uri_of
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.guest import Manager

_LIMIT_BYTES = 256 << 10
_START_S, _END_S = 1.0, 2.0
_NOTHING_CAME = 1  # virsh's status when the time is over


async def collect_libvirt_events(look: Look) -> None:
    """Listen over the window; keep ``events.0`` also where nothing came: then nothing was said."""
    if look.guest.manager is not Manager.LIBVIRT or look.light:
        return
    host, begin_ns, wall_ns = look.host, look.host.mono_ns(), look.host.wall_ns()
    seconds = max(int(look.window_s), 1)
    listen = ("qemu-monitor-event", domain_of(look.guest), "--loop", "--timestamp", "--timeout", str(seconds))
    done = await host.run(
        ("virsh", "-q", "-c", uri_of(look.guest), *listen),
        timeout_s=seconds + _START_S + _END_S,
        limit_bytes=_LIMIT_BYTES,
    )
    said = done.stderr.decode("utf-8", "backslashreplace").strip().removeprefix("error: ")
    outcome = done.outcome
    if outcome is Outcome.OK and (done.status not in (0, _NOTHING_CAME) or said):
        outcome = Outcome.ABSENT
    look.keep(
        Evidence(
            id="events.0",
            kind=Kind.LIBVIRT_EVENTS,
            source=f"virsh {' '.join(listen)}",
            outcome=outcome,
            detail=done.detail or said or ("" if done.stdout.strip() else "QEMU said nothing unasked"),
            data=done.stdout,
            mono_ns=begin_ns,
            wall_ns=wall_ns,
            took_ns=host.mono_ns() - begin_ns,
            cost=Cost.READS,
            cpu_ns=done.cpu_ns,
        )
    )


COLLECTOR = Collector(
    name="events", cost=Cost.READS, timeout_s=6.0, limit_bytes=_LIMIT_BYTES, run=collect_libvirt_events
)
