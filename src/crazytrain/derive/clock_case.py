"""What the rules of a guest's clock are given, and the few things that most of them ask."""

import shlex

import msgspec

from crazytrain.derive.clock_written import written
from crazytrain.model.facts import Facts, GuestClock, QemuConfig, QemuState
from crazytrain.model.facts.clock import PvclockPage
from crazytrain.model.facts.clock_setup import AgentClock, ClockArgv, ClockState, ClockXml, Place
from crazytrain.model.facts.devices import MachineTraits
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.host import HostFacts
from crazytrain.model.facts.services import RtcReading
from crazytrain.model.finding import Step

_STANDS = ("paused", "io-error", "suspended", "save-vm", "inmigrate", "postmigrate", "prelaunch")
SLOW = ("acpi_pm", "hpet", "refined-jiffies", "jiffies", "pit")
FULL_STOP = "comes true after a full stop and start of the guest"
NOW = "changes at once how the guest keeps time; --undo sets it back"
# What a host's clocksource may be for KVM to give all vCPUs one clock (Linux, arch/x86/kvm/x86.c: gtod_is_based_on_tsc).
TSC_BASED = ("tsc", "tsc-early", "hyperv_clocksource_tsc_page")


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """All that was seen of one guest's clock. ``name`` is what crazytrain knows the guest by, quoted for a shell."""

    name: str
    state: ClockState
    live: ClockXml | None
    persistent: ClockXml | None
    argv: ClockArgv | None
    host: HostFacts | None
    pages: GuestClock | None
    traits: MachineTraits | None
    agent: AgentClock | None
    inside: GuestInside | None
    rtc: RtcReading | None
    paused: bool

    @property
    def kvm(self) -> bool:
        """Whether KVM runs it."""
        return self.state.accelerator == "kvm"

    @property
    def tcg(self) -> bool:
        """Whether QEMU itself plays the CPU."""
        return self.state.accelerator == "tcg"

    @property
    def linux(self) -> bool:
        """Whether it is known to be a Linux."""
        return self.state.system == "linux"

    @property
    def windows(self) -> bool:
        """Whether it is known to be a Windows."""
        return self.state.system == "windows"

    @property
    def hpet(self) -> bool | None:
        """Whether the guest has an HPET: as its monitor says, else as its command line and the machine's default are."""
        if self.traits and self.traits.hpet is not None and self.traits.refs:
            return self.traits.hpet
        return self.has("hpet")

    @property
    def kvmclock(self) -> bool | None:
        """Whether the guest is offered kvmclock."""
        return False if self.tcg else self.has("kvmclock")

    @property
    def page(self) -> PvclockPage | None:
        """The kvmclock page that KVM wrote last."""
        pages = self.pages.pages if self.pages else ()
        return max(pages, key=lambda page: (page.after_ns, page.tsc_timestamp), default=None)

    @property
    def set_wall(self) -> Step:
        """A step that sets the guest's wall clock right."""
        if self.live:
            return self.step(
                "set its wall clock by its agent", "virsh domtime {name} --sync", "the guest's wall clock jumps"
            )
        return self.step("set its wall clock", "chronyc makestep   # in the guest", "the guest's wall clock jumps")

    def has(self, name: str) -> bool | None:
        """A switch of the running QEMU; ``None`` where nobody knows."""
        return {"on": True, "off": False}.get(self.argv.value(name) if self.argv else "")

    def kernel_word(self, name: str) -> str:
        """A word of the guest kernel's command line that begins so: as the guest, its QEMU or its XML has it."""
        words = (
            *(self.agent.kernel_words if self.agent else ()),
            *(self.argv.kernel_words if self.argv else ()),
            *(self.live.kernel_words if self.live else ()),
        )
        return next((word for word in words if word.partition("=")[0] == name), "")

    def set(self, why: str, *settings: str, harm: str = FULL_STOP, more: str = "") -> Step:
        """A step that sets something by crazytrain itself."""
        words = " ".join(f"--set {one}" for one in settings)
        return Step(why, f"crazytrain clock {self.name} {words}{more}", harm)

    def step(self, why: str, command: str, harm: str = "") -> Step:
        """Another step; ``{name}`` in it is the guest."""
        return Step(why, command.replace("{name}", self.name), harm)


def seen_of(facts: Facts, state: ClockState, name: str = "") -> Seen:
    """Gather it."""
    xmls, config, status = facts.all(ClockXml), facts.get(QemuConfig), facts.get(QemuState)
    return Seen(
        name=shlex.quote(name or (config.name if config else "") or "GUEST"),
        state=state,
        live=written(xmls, Place.LIVE),
        persistent=written(xmls, Place.PERSISTENT),
        argv=facts.get(ClockArgv),
        host=facts.get(HostFacts),
        pages=facts.get(GuestClock),
        traits=facts.get(MachineTraits),
        agent=facts.get(AgentClock),
        inside=facts.get(GuestInside),
        rtc=facts.get(RtcReading),
        paused=status is not None and status.status in _STANDS,
    )
