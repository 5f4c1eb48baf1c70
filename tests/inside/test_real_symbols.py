"""The symbols of real kernels are those that the guest itself prints, found in each way, wherever the kernel lies."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from crazytrain import lab
from crazytrain.collect.inside_monitor import asker, human_text
from crazytrain.collect.inside_ram import find_ram_map
from crazytrain.host import LiveHost
from crazytrain.host.opened_memory import OpenedMemory
from crazytrain.inside import find_scan
from crazytrain.inside.find_kernel import find_banners, find_kernel, keep
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.registers import CpuRegisters, parse_registers
from crazytrain.lab import starting
from crazytrain.lab.guest import LabGuest, Linux
from crazytrain.lab.guests import find_guest
from crazytrain.model.facts.inside import FoundBy
from tests.inside.opened import guest_of
from tests.inside.truth import Truth, ask, kernels, start_guest
from tests.lab.conftest import silent

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

AS_IT_IS, HARD, FIXED = "as it is", "five levels, page tables apart, much RAM", "without KASLR"
# HARD: "-cpu max" has LA57; 4.5 GiB lie on both sides of the hole below 4 GiB.
CASES = [
    pytest.param((kernel, how), id=f"{kernel.parent.name if kernel else 'lab'}, {how}")
    for kernel in kernels()
    for how in (AS_IT_IS, HARD)
]
if len(kernels()) > 1:
    CASES += [
        pytest.param((kernel, FIXED), id=f"{kernel.parent.name if kernel else 'lab'}, {FIXED}") for kernel in kernels()
    ]


class Seen:
    """A guest that tells the truth, and what is needed to find its kernel."""

    def __init__(self, truth: Truth, how: str, stack: ExitStack) -> None:
        self.truth = truth
        self.how = how
        self.guest = guest_of(truth.guest)
        segments = asyncio.run(find_ram_map(LiveHost(), self.guest, asker(LiveHost(), self.guest))).segments
        fds = [os.open(f"/proc/{self.guest.pid}/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in ("mem", "pagemap")]
        for fd in fds:
            stack.callback(os.close, fd)
        self.memory = OpenedMemory(fds[0], fds[1], segments, most_bytes=64 << 30)
        self.lines = [line for line in truth.kallsyms() if "[" not in line]

    def registers(self) -> tuple[CpuRegisters, ...]:
        (text,) = asyncio.run(human_text(asker(LiveHost(), self.guest), ("info registers -a",)))
        return parse_registers(text)

    def same(self, kernel: Kernel) -> bool:
        return [f"{address:016x} {kind} {name}" for address, kind, name in kernel.symbols] == self.lines


def changed(guest: LabGuest, how: str) -> LabGuest:
    assert isinstance(guest.image, Linux)
    if how == AS_IT_IS:
        return guest
    words = ("pti=on",) if how == HARD else ("nokaslr",)
    image = msgspec.structs.replace(guest.image, arguments=(*guest.image.arguments, *words))
    if how == FIXED:
        return msgspec.structs.replace(guest, image=image)
    return msgspec.structs.replace(guest, image=image, memory_mib=4608, arguments=(*guest.arguments, "-cpu", "max"))


@pytest.fixture(scope="module", params=CASES)
def seen(request: pytest.FixtureRequest) -> Iterator[Seen]:
    kernel, how = request.param
    base = os.environ.get("CRAZYTRAIN_CACHE")
    cache = Path(base) if base else Path.home() / ".cache" / "crazytrain" / "lab"
    with tempfile.TemporaryDirectory(prefix="ct-sym-") as name, ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(starting, "find_guest", lambda name: changed(find_guest(name), how))
        stack.callback(lab.stop_all, state_dir=Path(name), tell=silent)
        truth = stack.enter_context(ask(start_guest("truth", Path(name), cache, kernel)))
        yield Seen(truth, how, stack)


def test_symbols_are_those_that_the_guest_prints(seen: Seen) -> None:
    kernel, cached = find_kernel(seen.memory, seen.registers())
    assert kernel.about.found_by is FoundBy.PAGE_TABLE
    assert seen.same(kernel)
    assert len(kernel.symbols) == kernel.about.symbols == len(seen.lines) > 50_000
    assert kernel.about.banner == seen.truth.banner()
    assert kernel.about.release == seen.truth.run("uname -r").strip()
    assert kernel.about.version == seen.truth.run("uname -v").strip()
    assert kernel.notes["OSRELEASE"] == kernel.about.release
    assert kernel.about.text == (0xFFFF_FFFF_8100_0000 if seen.how == FIXED else kernel.symbols["_text"])
    five = (
        seen.how == HARD
        and "la57" in seen.truth.run("cat /proc/cpuinfo")
        and kernel.notes["NUMBER(pgtable_l5_enabled)"] == "1"
    )
    assert kernel.about.page_levels == (5 if five else 4)
    again, fresh = find_kernel(seen.memory, seen.registers(), cached)
    assert again.about.cached
    assert fresh == b""
    assert seen.same(again)
    assert find_kernel(seen.memory, seen.registers(), keep(again))[0].about.cached


def test_they_are_found_without_registers(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    known = find_kernel(seen.memory, seen.registers())[0]
    kernel, _ = find_kernel(seen.memory)
    assert kernel.about.found_by in {FoundBy.VMCOREINFO, FoundBy.SIGNATURE}
    assert kernel.space.root == known.space.root
    assert seen.same(kernel)
    monkeypatch.setattr(find_scan, "notes_in", lambda _: [])
    kernel, _ = find_kernel(seen.memory)
    assert kernel.about.found_by is FoundBy.SIGNATURE
    assert kernel.space.root == known.space.root
    assert seen.same(kernel)


def test_a_vcpu_in_a_program_leads_to_the_kernel(seen: Seen) -> None:
    """Where page tables are kept apart, a program's own have next to nothing of the kernel."""
    pid = int(seen.truth.run("(while :; do :; done) & echo $!").split()[-1])
    try:
        for _ in range(500):
            busy = [one for one in seen.registers() if one.cpl == 3]
            if busy and (seen.how != HARD or busy[0].cr3 & 0x1000):
                break
        else:
            pytest.fail("no vCPU was ever seen in a program")
        kernel, _ = find_kernel(seen.memory, busy[:1])
    finally:
        seen.truth.run(f"busybox kill {pid}")
    assert kernel.about.found_by is FoundBy.PAGE_TABLE
    assert seen.same(kernel)


def test_its_banner_is_told_where_symbols_are_not_asked_for(seen: Seen) -> None:
    (found, *_) = find_banners(seen.memory, seen.registers())
    assert (found.system, found.found_by) == ("Linux", FoundBy.PAGE_TABLE)
    assert found.banner == seen.truth.banner()
