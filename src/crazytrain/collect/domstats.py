"""What libvirt knows of a guest of its own by calls that leave no mark on it: domstats, domjobinfo, domblkerror, domstate."""

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.monitor_waiting import is_stopped, waits_for_storage
from crazytrain.collect.same import gone, still_same
from crazytrain.collect.virsh import Told, domain_of, tell
from crazytrain.host.door import Host
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.guest import Guest, Manager

# Neither reads an image: what asks QEMU about its disks makes it call fstat() on them.
_WITHOUT_DISKS = ("--state", "--cpu-total", "--balloon", "--vcpu")
STATE = ("domstate", "--reason")  # libvirtd knows it by heart: QEMU is not asked


async def collect_domstats(look: Look) -> None:
    """Keep ``domstats.0`` and ``domstats.1`` from the ends of the window, of a guest that libvirt manages."""
    if look.guest.manager is not Manager.LIBVIRT:
        return
    for number, moment in enumerate((look.start_ns, look.end_ns)):
        await look.host.sleep_until(moment)
        name = f"domstats.{number}"
        if not still_same(look.host, look.guest.process):
            look.keep(gone(look, name, Kind.DOMSTATS))
            return
        commands = (STATE,) if is_stopped(look) else await _commands(look)
        seen = await ask_libvirt(look.host, look.guest, name, commands)
        look.keep(seen)
        if not seen.usable:
            return


async def _commands(look: Look) -> tuple[tuple[str, ...], ...]:
    if await waits_for_storage(look):
        return STATE, ("domstats", "--nowait", *_WITHOUT_DISKS), ("domjobinfo",)
    return STATE, ("domstats", "--nowait"), ("domjobinfo",), ("domblkerror",)


async def ask_libvirt(host: Host, guest: Guest, name: str, commands: tuple[tuple[str, ...], ...]) -> Evidence:
    """Run commands that take a domain, and keep what each printed as a part, with the moment at which it began."""
    begin_ns, wall_ns = host.mono_ns(), host.wall_ns()
    told = await tell(host, guest, [(*command, domain_of(guest)) for command in commands])
    any_text = any(said.text for said in told.said)
    return Evidence(
        id=name,
        kind=Kind.DOMSTATS,
        source=f"virsh {', '.join(command[0] for command in commands)} {domain_of(guest)}",
        outcome=Outcome.OK if any_text and told.outcome is Outcome.ABSENT else told.outcome,
        detail=told.detail,
        data=pack(_parts(commands, told)) if any_text else b"",
        mono_ns=begin_ns,
        wall_ns=wall_ns,
        took_ns=host.mono_ns() - begin_ns,
        cost=Cost.SAMPLES,
    )


def _parts(commands: tuple[tuple[str, ...], ...], told: Told) -> list[Part]:
    parts = []
    for command, said in zip(commands, told.said, strict=False):
        parts.append(Part(f"{command[0]}/mono_ns", b"%d\n" % said.mono_ns))
        parts.append(Part(command[0], said.text))
    return parts


COLLECTOR = Collector(name="domstats", cost=Cost.SAMPLES, timeout_s=8.0, limit_bytes=16 << 20, run=collect_domstats)
