"""What this host lets us see, row by row. ``PROBES`` is the registry, in the order of the table."""

import asyncio
from collections.abc import Callable

from crazytrain.collect import ability_guests, ability_host, ability_rights, ability_tracing, discover
from crazytrain.collect.ability_host import tool
from crazytrain.collect.ability_probe import Probe, Room, Scene, Seen, no
from crazytrain.host.door import Host
from crazytrain.model.ability import Ability
from crazytrain.model.guest import Guest

_PROBE_TIMEOUT_S = 2.5

PROBES = (
    Probe("privileges", "most of what follows", ability_rights.privileges),
    Probe("other processes", "the descriptors, threads and system calls of guests", ability_rights.other_processes),
    Probe("guests", "something to look at", ability_guests.guests),
    Probe("QMP monitors", "run state, KVM's counters, interrupts, registers", ability_guests.monitors),
    Probe("libvirt", "names and states of domains, where libvirt runs guests", ability_guests.libvirt),
    Probe("KVM", "guests at full speed, and the lab's kvmclock-jump", ability_guests.kvm),
    Probe("kernel", "all that newer kernels tell", ability_host.kernel),
    Probe("bpftrace", "system calls per thread and descriptor, exits of KVM", ability_tracing.bpftrace),
    Probe("BPF programs", "all that bpftrace counts", ability_tracing.bpf),
    Probe(
        "kernel lockdown",
        "tracing, and KVM's counters in debugfs: it can shut both even for root",
        ability_tracing.lockdown,
    ),
    Probe("tracefs", "finding the tracepoints", ability_tracing.tracefs),
    Probe("tracepoints", "counts of KVM exits, system calls, scheduling", ability_tracing.tracepoints),
    Probe("BTF", "bpftrace, to know the kernel's structures", ability_tracing.btf),
    Probe("pid namespace", "matching the kernel's counts with threads", ability_rights.pid_namespace),
    Probe("strace", "a short burst of lines to read (--cost stops)", ability_rights.strace),
    Probe("run delay", "telling how long vCPUs waited for a CPU", ability_host.run_delay),
    Probe("pressure", "telling a host that is itself short of CPU, memory or I/O", ability_host.pressure),
    Probe("clocksource", "speed: a slow clock of the host makes guests slow", ability_host.clocksource),
    Probe("kernel log", "lockups, unstable clocks, failing disks", ability_host.kernel_log),
    Probe("case folder", "keeping the evidence", ability_host.case_folder),
    Probe("perf", "the functions in which QEMU burns its time (and comparisons, in bench)", ability_host.perf),
    Probe("qemu-system-x86_64", "the lab's guests, nothing else", tool("qemu-system-x86_64", "qemu-system-x86")),
    Probe("nasm", "assembling the lab's guests, nothing else", tool("nasm", "nasm")),
    Probe("busybox", "the userland of the lab's Linux guests, nothing else", tool("busybox", "busybox-static")),
    Probe("gdb", "the lab's kvmclock-jump, nothing else", tool("gdb", "gdb")),
)


async def abilities(host: Host, read_config: discover.ReadConfig, room: Callable[[], Room]) -> tuple[Ability, ...]:
    """Ask all at once; one row for each of ``PROBES``, in that order. Takes 2.5 s at most, whatever hangs.

    Args:
        host: the machine.
        read_config: what reads a QEMU command line (``crazytrain.decode.command_line.config_of``).
        room: what tells the folder for cases; it may block or raise ``OSError``.
    """
    finding = asyncio.ensure_future(discover.guests(host, read_config))

    async def guests() -> tuple[Guest, ...]:
        return await asyncio.shield(finding)

    scene = Scene(host=host, guests=guests, room=room)
    try:
        return tuple(await asyncio.gather(*(_row(probe, scene) for probe in PROBES)))
    finally:
        finding.cancel()


async def _row(probe: Probe, scene: Scene) -> Ability:
    seen = await _guarded(probe, scene)
    return Ability(name=probe.name, state=seen.state, found=seen.found, matters=probe.matters, remedy=seen.remedy)


async def _guarded(probe: Probe, scene: Scene) -> Seen:
    """The one guard: a probe that hangs or is broken is a row that says so, and stops no other."""
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_S):
            return await probe.ask(scene)
    except TimeoutError:
        return no("no answer in time")
    except OSError as error:
        return no(f"cannot be seen: {error.strerror or error}")
    except Exception as error:  # noqa: BLE001 - a defect of one probe is a row of its own
        return no(f"crazytrain could not ask: {type(error).__name__}: {error}")
