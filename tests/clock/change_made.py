"""A libvirt made up for tests of changes: it keeps one domain, defines it anew, and can be brought to refuse."""

from collections.abc import Callable, Sequence

from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.evidence import Outcome
from crazytrain.remedy.clock_domain import Virsh
from crazytrain.remedy.clock_xml import domain_of

UUID = "4676b7dd-551f-4198-ac51-4ab724fb3ae3"
XML = f"""<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>web01</name>
  <uuid>{UUID}</uuid>
  <title>a &amp; b > c</title>
  <metadata>
    <x:app xmlns:x="http://x.org/1">
      <x:v a="1'2">t &lt; u &#233; é</x:v><!-- <clock offset='no'/> -->
    </x:app>
  </metadata>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <kernel>/boot/x</kernel>
    <cmdline>console=ttyS0  dyndbg="file a +p" quiet</cmdline>
    <boot dev='hd'/>
  </os>
  <features>
    <acpi/>
  </features>
  <cpu mode='host-passthrough' check='none'/>
  <clock offset='utc'>
    <timer name='rtc' tickpolicy='catchup'/>
    <timer name='hpet' present='no'/>
  </clock>
  <on_poweroff>destroy</on_poweroff>
  <devices>
    <graphics type='vnc' port='-1' passwd='secret'/>
  </devices>
  <qemu:commandline>
    <qemu:env name='A' value='b'/>
  </qemu:commandline>
</domain>
"""


class MadeUpLibvirt(FakeHost):
    """Its state is in attributes; ``fails`` maps a command of virsh's to what it complains about."""

    def __init__(self, xml: str = XML, live: str = "") -> None:
        super().__init__()
        self.kept = xml
        self.live = live
        self.state = "running" if live else "shut off"
        self.persistent, self.managed = True, False
        self.job = ""
        self.snapshots = ""
        self.fails: dict[str, str] = {}
        self.refuses: Callable[[str], str] = lambda _: ""  # what domxml-to-native has against an XML
        self.written: Callable[[str], str] = lambda xml: xml  # what libvirt makes of what it is given

    def wall_ns(self) -> int:
        """Time passes: records are told apart by it."""
        self.now_ns += 1_000_000_000
        return super().wall_ns()

    def virsh(self) -> Virsh:
        return Virsh(host=self, uri="qemu:///system", domain="web01")

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        limit_bytes: int,
        interrupt_after_s: float | None = None,
        stdin: bytes | None = None,
        enough: bytes | None = None,
    ) -> Finished:
        del timeout_s, limit_bytes, interrupt_after_s, enough
        self.ran.append(tuple(argv))
        what = argv[4]
        if what in self.fails:
            return _failed(self.fails[what])
        xml = (stdin or b"").decode()
        if what == "define":
            assert argv[5] == "--validate"
            self.kept = self.written(xml)
        if what == "domxml-to-native" and (why := self.refuses(xml)):
            return _failed(why)
        return _said(self._answer(what, argv[5:], xml))

    def _answer(self, what: str, words: Sequence[str], xml: str) -> str:
        info = {
            "Name": "web01",
            "UUID": UUID,
            "State": self.state,
            "Persistent": "yes" if self.persistent else "no",
            "Managed save": "yes" if self.managed else "no",
        }
        return {
            "dominfo": "".join(f"{name + ':':16}{value}\n" for name, value in info.items()),
            "dumpxml": self.kept if "--inactive" in words else self.live,
            "domjobinfo": f"Job type:         {'Unbounded' if self.job else 'None'}\nOperation:        {self.job}\n",
            "snapshot-list": self.snapshots,
            "domxml-to-native": "LC_ALL=C PATH=/bin A=b /usr/bin/qemu-system-x86_64 " + _native(xml) if xml else "",
        }.get(what, "")


def _native(xml: str) -> str:
    """The part of a command line that tests look at."""
    clock = domain_of(xml).first("clock")
    assert clock
    timers = {dict(one.attributes)["name"]: dict(one.attributes) for one in clock.inside}
    words = ["-rtc", "base=utc" + (",driftfix=slew" if timers.get("rtc", {}).get("tickpolicy") == "catchup" else "")]
    present = {"no": "off", "yes": "on"}
    kvmclock = timers.get("kvmclock", {}).get("present", "")
    words += ["-cpu", "host" + (f",kvmclock={present[kvmclock]}" if kvmclock else "")]
    words += ["-no-hpet"] if timers.get("hpet", {}).get("present") == "no" else []
    return " ".join(words) + "\n"


def _said(text: str) -> Finished:
    return Finished(status=0, stdout=text.encode(), stderr=b"", outcome=Outcome.OK)


def _failed(why: str) -> Finished:
    return Finished(status=1, stdout=b"", stderr=f"error: {why}\n".encode(), outcome=Outcome.OK)
