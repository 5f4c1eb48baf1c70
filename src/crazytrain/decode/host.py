"""HOST: a bundle of small files of /proc and /sys about the machine."""

import re
from collections.abc import Iterable, Mapping

from crazytrain.decode.proc_text import decimal, keyed, number, text
from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.host import CpuTicks, HostFacts

_CLOCKSOURCE = "/sys/devices/system/clocksource/clocksource0/"
_SOME_AVG10 = re.compile(rb"^some avg10=([\d.]{1,8})", re.MULTILINE)
_TSC_FLAGS = frozenset(
    (
        "tsc",
        "constant_tsc",
        "nonstop_tsc",
        "nonstop_tsc_s3",
        "tsc_known_freq",
        "tsc_reliable",
        "tsc_adjust",
        "tsc_scale",
    )
)
_RANGE = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")


def decode_host(evidence: Evidence) -> Iterable[object]:
    """Yield one ``HostFacts``. What could not be read stays empty or ``None``.

    Source: proc(5), Documentation/accounting/psi.rst, Documentation/admin-guide/cputopology.rst.
    """
    files = {part.name: part.data for part in unpack(evidence.data) if part.outcome is Outcome.OK}
    cpu = keyed(files.get("/proc/cpuinfo", b""))
    flags = cpu.get("flags") or cpu.get("Features")
    yield HostFacts(
        kernel=_word(files, "/proc/sys/kernel/osrelease"),
        cpus=cpu_count(_word(files, "/sys/devices/system/cpu/online")),
        clocksource=_word(files, _CLOCKSOURCE + "current_clocksource"),
        clocksources=tuple(_word(files, _CLOCKSOURCE + "available_clocksource").split()),
        load_1min=_first(files, "/proc/loadavg"),
        pressure_cpu_avg10=_pressure(files, "cpu"),
        pressure_memory_avg10=_pressure(files, "memory"),
        pressure_io_avg10=_pressure(files, "io"),
        uptime_s=_first(files, "/proc/uptime"),
        hypervisor=None if flags is None else "hypervisor" in flags.split(),
        cpu_model=cpu.get("model name", ""),
        product=_word(files, "/sys/class/dmi/id/product_name"),
        vendor=cpu.get("vendor_id", ""),
        microcode=cpu.get("microcode", ""),
        tsc_flags=None if flags is None else tuple(flag for flag in flags.split() if flag in _TSC_FLAGS),
        ticks=_ticks(files.get("/proc/stat", b"")),
        mono_ns=evidence.mono_ns,
        refs=(evidence.ref(),),
    )


def cpu_count(ranges: str) -> int | None:
    """Count CPUs in a list of ranges; ``None`` where it is none.

    >>> cpu_count("0-3,8,10-11")
    7
    """
    found = [_RANGE.fullmatch(piece) for piece in ranges.split(",")]
    if not all(found):
        return None
    return sum(int(one[2] or one[1]) - int(one[1]) + 1 for one in found if one) or None


def _word(files: Mapping[str, bytes], path: str) -> str:
    return text(files.get(path, b"")).strip()


def _first(files: Mapping[str, bytes], path: str) -> float | None:
    words = files.get(path, b"").split()
    return decimal(words[0]) if words else None


def _pressure(files: Mapping[str, bytes], resource: str) -> float | None:
    """Share of the last 10 s in which at least one task waited for it, in percent; ``None`` without PSI."""
    found = _SOME_AVG10.search(files.get(f"/proc/pressure/{resource}", b""))
    return decimal(found[1]) if found and number(found[1].replace(b".", b"", 1)) is not None else None


def _ticks(line: bytes) -> CpuTicks | None:
    """The line ``cpu  user nice system idle iowait irq softirq steal guest guest_nice``; user and nice hold the guests' time."""
    words = line.split()
    found = [number(word) for word in words[1:9]]
    known = [value for value in found if value is not None]
    if len(known) != 8 or words[0] != b"cpu":
        return None
    user, nice, system, idle, iowait, irq, softirq, steal = known
    return CpuTicks(busy=user + nice + system + irq + softirq, idle=idle, iowait=iowait, steal=steal)
