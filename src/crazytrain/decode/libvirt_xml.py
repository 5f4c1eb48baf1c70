"""LIBVIRT_XML: ``virsh dumpxml``, whole or a part of it (the clock alone), as what the command line of that guest would say."""

import re
from collections.abc import Iterable, Iterator

from crazytrain.decode.command_line import config_of
from crazytrain.decode.xml_tree import Node, tree_of
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.devices import MachineTraits
from crazytrain.model.facts.services import Balloon

_LIMIT = 4 << 20
_TAGS = (
    b"domain|name|uuid|title|description|metadata|memory|currentMemory|maxMemory|memoryBacking|hugepages|vcpus?|iothreads|iothread"
    b"|iothreadids|cputune|vcpupin|emulatorpin|iothreadpin|shares|period|quota|numatune|memnode|resource|partition|os|type|loader|nvram"
    b"|boot|bootmenu|smbios|bios|kernel|initrd|cmdline|features|acpi|apic|pae|hap|viridian|hyperv|relaxed|vapic|spinlocks|vpindex|runtime"
    b"|synic|stimer|direct|reset|vendor_id|frequencies|reenlightenment|tlbflush|ipi|evmcs|avic|kvm|hidden|vmport|smm|tseg|ioapic|gic|pvspinlock|pmu"
    b"|cpu|model|vendor|topology|feature|numa|cell|cache|maxphysaddr|clock|timer|catchup|on_poweroff|on_reboot|on_crash|on_lockfailure|pm"
    b"|suspend-to-mem|suspend-to-disk|devices|emulator|disk|driver|source|target|backingStore|format|alias|address|controller|master"
    b"|interface|mac|virtualport|bandwidth|serial|parallel|console|channel|input|graphics|listen|video|acceleration|sound|codec|audio|hostdev"
    b"|redirdev|memballoon|stats|rng|backend|watchdog|panic|tpm|filesystem|readonly|shareable|iotune|seclabel|label|imagelabel|on_\\w+"
    b"|launchSecurity|qemu:commandline|qemu:arg|qemu:env|libosinfo:\\w+|link|rom|geometry|blockio|host|protocol|mirror|privateData"
)
WHOLE = re.compile(
    rb"</?(?:"
    + _TAGS
    + rb")(?:\s[^<>\n]{0,1000})?/?>|<domain\s|<\?xml |<!--|<(?:"
    + _TAGS
    + rb")\s+[\w:]+=[^<>]{0,300}$"
)
BESIDE = re.compile(rb"(?:\.\.\.|\[\.\.\.\]|\[snip\])$|-->|[\w:.-]{1,40}=['\"][^\n]{0,300}>$|virsh # |\+|-</")
_UNITS = {
    "b": 1,
    "bytes": 1,
    "": 1 << 10,
    "k": 1 << 10,
    "kib": 1 << 10,
    "m": 1 << 20,
    "mib": 1 << 20,
    "g": 1 << 30,
    "gib": 1 << 30,
    "t": 1 << 40,
    "tib": 1 << 40,
}
# libvirt's names of enlightenments, and QEMU's (docs/system/i386/hyperv.rst).
_HYPERV = {"vendor_id": "hv-vendor-id", "tlbflush": "hv-tlbflush"}
_ENLIGHTENED = (
    "relaxed", "vapic", "spinlocks", "vpindex", "runtime", "synic", "stimer", "reset", "vendor_id", "frequencies",
    "reenlightenment", "tlbflush", "ipi", "evmcs", "avic",
)  # fmt: skip
_CLOCKS = {"kvmclock": "kvmclock", "hypervclock": "hv-time"}
_USB = {
    "piix3-uhci": "piix3-usb-uhci",
    "ehci": "usb-ehci",
    "ich9-ehci1": "ich9-usb-ehci1",
    "nec-xhci": "nec-usb-xhci",
    "": "piix3-usb-uhci",
}
_LOST = {"delay": "delay", "discard": "discard", "catchup": "slew"}


def decode_libvirt_xml(evidence: Evidence) -> Iterable[object]:
    """Yield a ``QemuConfig`` of what the XML says, ``MachineTraits`` of its clock, and a ``Balloon`` where the guest has less
    memory than its most.

    What is not there stays unknown: a part says nothing of the rest. Source: libvirt, docs/formatdomain.rst;
    src/qemu/qemu_command.c for what becomes of each element. ::

        <clock offset='localtime'>
          <timer name='rtc' tickpolicy='catchup'/>
          <timer name='hpet' present='no'/>
        </clock>
    """
    root = tree_of(evidence.data[:_LIMIT].decode("utf-8", "replace"))
    domains = [node for node in root.inside if node.name == "domain"] or [root]
    for domain in domains[:64]:
        words = tuple(_argv(domain))
        if len(words) > 1:
            yield config_of(words, (evidence.ref(domain.line),), whole=False)
        yield from _traits(domain, evidence)
        yield from _balloon(domain, evidence)


def _argv(domain: Node) -> Iterator[str]:
    yield domain.text_of("emulator")
    yield from _whole(domain)
    yield from _clock(domain)
    yield from _cpu(domain)
    for devices in domain.all(
        "disk",
        "interface",
        "input",
        "controller",
        "memballoon",
        "hostdev",
        "serial",
        "graphics",
        "sound",
        "channel",
        "redirdev",
        "watchdog",
    ):
        yield from _device(devices)


def _whole(domain: Node) -> Iterator[str]:
    own = [node for node in domain.inside if node.name == "name"]
    if own and own[0].text:
        yield from ("-name", f"guest={own[0].text}")
    if uuid := domain.text_of("uuid"):
        yield from ("-uuid", uuid)
    machine = next((node.get("machine") for node in domain.all("type") if node.get("machine")), "")
    accelerator = {"kvm": "kvm", "qemu": "tcg"}.get(domain.get("type"), "")
    hpet = next((_onoff(node.get("present")) for node in domain.all("timer") if node.get("name") == "hpet"), "")
    settings = [machine] if machine else []
    settings += [f"accel={accelerator}"] if accelerator else []
    settings += [f"hpet={hpet}"] if hpet else []
    if settings:
        yield from ("-machine", ",".join(settings))
    if (memory := domain.first("memory")) and (size := _bytes(memory)):
        yield from ("-m", f"{size >> 10}k")
    if vcpus := _vcpus(domain):
        yield from ("-smp", str(vcpus))
    threads = domain.text_of("iothreads")[:6]
    for number in range(min(int(threads) if threads.isdecimal() else 0, 64)):
        yield from ("-object", f"iothread,id=iothread{number + 1}")


def _vcpus(domain: Node) -> int | None:
    node = next((node for node in domain.all("vcpu") if node.text.isdecimal()), None)
    if node:
        current = node.get("current")[:6]
        return int(current if current.isdecimal() else node.text[:6])
    return None


def _clock(domain: Node) -> Iterator[str]:
    clock = domain.first("clock")
    rtc = [f"base={clock.get('offset')}"] if clock and clock.get("offset") in ("utc", "localtime") else []
    for timer in domain.all("timer"):
        if timer.get("name") == "rtc":
            rtc += ["driftfix=slew"] if timer.get("tickpolicy") == "catchup" else []
            rtc += [f"clock={timer.get('track')}"] if timer.get("track") in ("guest", "wall") else []
        elif timer.get("name") == "pit" and timer.get("tickpolicy") in _LOST:
            yield from ("-global", f"kvm-pit.lost_tick_policy={_LOST[timer.get('tickpolicy')]}")
    if rtc:
        yield from ("-rtc", ",".join(rtc))


def _cpu(domain: Node) -> Iterator[str]:
    """The model, and what is put to it: features, enlightenments, clocks."""
    cpu = domain.first("cpu")
    model = _model(cpu) if cpu else ""
    said = [flag for node in (cpu.all("feature") if cpu else ()) if (flag := _feature(node))]
    said.extend(f"{name}={value}" for name, value in _paravirtual(domain))
    if domain.says("hidden", "state") == "on":
        said.append("kvm=off")
    if model or said:
        yield from ("-cpu", ",".join((model or "unknown", *said)))


def _model(cpu: Node) -> str:
    if cpu.get("mode") in ("host-passthrough", "host-model", "maximum"):
        return "host"
    return next((node.text for node in cpu.all("model") if node.text), "")


def _paravirtual(domain: Node) -> Iterator[tuple[str, str]]:
    """Clocks and enlightenments by QEMU's names, and what they are set to."""
    for timer in domain.all("timer"):
        if timer.get("name") in _CLOCKS and _onoff(timer.get("present")):
            yield _CLOCKS[timer.get("name")], _onoff(timer.get("present"))
    for hyperv in domain.all("hyperv"):
        for node in hyperv.inside:
            if node.name in _ENLIGHTENED and node.get("state") in ("on", "off"):
                yield _HYPERV.get(node.name, f"hv-{node.name}"), node.get("retries") or node.get("state")


def _feature(node: Node) -> str:
    sign = {"require": "+", "force": "+", "disable": "-", "forbid": "-"}.get(node.get("policy"), "")
    return f"{sign}{node.get('name')}" if sign and node.get("name") else ""


def _device(node: Node) -> Iterator[str]:
    make = {"disk": _disk, "interface": _interface, "serial": _serial, "graphics": _graphics}.get(node.name)
    if make:
        yield from make(node)
    elif device := _simple(node):
        yield from ("-device", device)


def _simple(node: Node) -> str:
    """Devices that one word tells."""
    bus, kind, model = node.get("bus"), node.get("type"), node.get("model")
    if node.name == "input":
        return f"usb-{kind}" if bus == "usb" else ""
    if node.name == "controller":
        return (
            _USB.get(model, model if "usb" in model or "xhci" in model else f"{model}")
            if kind == "usb" and model != "none"
            else ""
        )
    if node.name == "memballoon":
        return "" if model == "none" else f"{model or 'virtio'}-balloon-pci"
    if node.name == "hostdev":
        return "usb-host" if kind == "usb" else "vfio-pci"
    if node.name == "channel":
        name = node.says("target", "name")
        return f"virtserialport,name={name}" if name else ""
    if node.name == "sound":
        return {"ich6": "intel-hda", "ich9": "ich9-intel-hda"}.get(model, model)
    return {"redirdev": "usb-redir", "watchdog": model}.get(node.name, "")


def _disk(node: Node) -> Iterator[str]:
    source = node.first("source")
    file = next((source.get(key) for key in ("file", "dev", "name", "volume") if source.get(key)), "") if source else ""
    cache, bus = node.says("driver", "cache"), node.says("target", "bus")
    settings = [f"file={file}"] if file else []
    settings += [f"format={node.says('driver', 'type')}"] if node.says("driver", "type") else []
    settings += [f"cache={cache}"] if cache else []
    settings += [f"aio={node.says('driver', 'io')}"] if node.says("driver", "io") else []
    settings += [f"if={bus}"] if bus in ("virtio", "ide", "scsi") else []
    if settings:
        yield from ("-drive", ",".join(settings))


def _interface(node: Node) -> Iterator[str]:
    kind = {"user": "user", "vhostuser": "vhost-user"}.get(node.get("type"), "tap")
    model = node.says("model", "type")
    vhost = ",vhost=on" if kind == "tap" and model == "virtio" and node.says("driver", "name") != "qemu" else ""
    yield from ("-netdev", f"{kind},id={node.says('alias', 'name') or 'net'}{vhost}")
    if model:
        yield from ("-device", "virtio-net-pci" if model == "virtio" else model)


def _serial(node: Node) -> Iterator[str]:
    kind, path = node.get("type"), node.says("source", "path")
    if kind in ("pty", "file", "unix", "tcp", "dev"):
        yield from (
            "-serial",
            f"{kind}:{path}" if path and kind in ("file", "unix") else path if kind == "dev" and path else kind,
        )


def _graphics(node: Node) -> Iterator[str]:
    if node.get("type") in ("vnc", "spice"):
        yield from (f"-{node.get('type')}", f"port={node.get('port') or 'auto'}")


def _onoff(word: str) -> str:
    return {"yes": "on", "no": "off"}.get(word, "")


def _bytes(node: Node) -> int | None:
    unit = _UNITS.get(node.get("unit").lower())
    return int(node.text) * unit if unit and node.text.isdecimal() and len(node.text) < 16 else None


def _traits(domain: Node, evidence: Evidence) -> Iterator[MachineTraits]:
    """What the clock's section says of timers, as the monitor's device tree would."""
    timers = {timer.get("name"): timer for timer in domain.all("timer")}
    features = dict(_paravirtual(domain))
    if not timers and not features:
        return
    policy = {name: _LOST.get(timer.get("tickpolicy"), "") for name, timer in timers.items()}
    present = {name: {"yes": True, "no": False}.get(timer.get("present")) for name, timer in timers.items()}
    yield MachineTraits(
        machine="",
        rtc_lost_ticks=policy.get("rtc", ""),
        pit_lost_ticks=policy.get("pit", ""),
        hpet=present.get("hpet"),
        kvmclock=present.get("kvmclock"),
        features=tuple(sorted(name for name, value in features.items() if value != "off")),
        features_off=tuple(sorted(name for name, value in features.items() if value == "off")),
        refs=(evidence.ref(next((timer.line for timer in timers.values()), domain.line)),),
    )


def _balloon(domain: Node, evidence: Evidence) -> Iterator[Balloon]:
    most, current = domain.first("memory"), domain.first("currentMemory")
    sizes = (_bytes(most) if most else None, _bytes(current) if current else None)
    if current and sizes[0] and sizes[1] and sizes[1] < sizes[0]:
        yield Balloon(mono_ns=evidence.mono_ns, actual_bytes=sizes[1], refs=(evidence.ref(current.line),))
