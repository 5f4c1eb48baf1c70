"""QEMU command lines in the shapes in which they are pasted, logged and found in /proc."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.command_line import config_of, decode_command_line
from crazytrain.decode.command_words import starts_command
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Kind
from crazytrain.model.facts.qemu import QemuConfig
from crazytrain.model.guest import Accelerator
from tests.decode.pasted import broken_by_mailer, broken_by_terminal, evidence, sample

LIBVIRT_LOG = r"""2026-03-09 12:33:01.123+0000: starting up libvirt version: 9.0.0, qemu version: 7.2.0, kernel: 6.1.0, hostname: h1
LC_ALL=C \
PATH=/usr/local/sbin:/usr/bin \
HOME=/var/lib/libvirt/qemu/domain-3-web01 \
/usr/bin/qemu-system-x86_64 \
-name guest=web01,debug-threads=on \
-S \
-object '{"qom-type":"secret","id":"masterKey0","format":"raw","file":"/var/lib/libvirt/qemu/domain-3-web01/master-key.aes"}' \
-machine pc-q35-7.2,usb=off,hpet=off,dump-guest-core=off \
-accel kvm \
-cpu host,migratable=on,kvmclock=off \
-m 4096 \
-object '{"qom-type":"iothread","id":"iothread1"}' \
-smp 4,sockets=1,dies=1,cores=2,threads=2 \
-uuid 01234567-89ab-cdef-0123-456789abcdef \
-chardev socket,id=charmonitor,fd=33,server=on,wait=off \
-mon chardev=charmonitor,id=monitor,mode=control \
-rtc base=utc,driftfix=slew \
-blockdev '{"driver":"file","filename":"/var/lib/libvirt/images/web01.qcow2","node-name":"libvirt-1-storage"}' \
-blockdev '{"node-name":"libvirt-1-format","read-only":false,"driver":"qcow2","file":"libvirt-1-storage"}' \
-netdev '{"type":"tap","fd":"34","vhost":true,"vhostfd":"36","id":"hostnet0"}' \
-chardev pty,id=charserial0,logfile=/var/log/web01.log \
-device '{"driver":"isa-serial","chardev":"charserial0","id":"serial0","index":0}' \
-vnc 127.0.0.1:0 \
-msg timestamp=on
char device redirected to /dev/pts/1 (label charserial0)
"""
PLAIN = "qemu-system-x86_64 -name web01 -enable-kvm -m 2G -smp 2 -hda web.img -cdrom cd.iso -nographic"


def config(text: str | bytes) -> QemuConfig:
    (found,) = decode_command_line(evidence(Kind.COMMAND_LINE, text))
    assert isinstance(found, QemuConfig)
    return found


def test_libvirts_log() -> None:
    found = config(LIBVIRT_LOG)
    assert (found.name, found.uuid) == ("web01", "01234567-89ab-cdef-0123-456789abcdef")
    assert (found.machine, found.machine_options) == ("pc-q35-7.2", ("usb=off", "hpet=off", "dump-guest-core=off"))
    assert (found.accelerator, found.vcpus, found.memory_bytes) == (Accelerator.KVM, 4, 4096 << 20)
    assert (found.hpet, found.kvmclock, found.rtc) == (False, False, "base=utc,driftfix=slew")
    assert found.monitors == ("qmp fd:33",)
    assert found.consoles == ("pty,logfile=/var/log/web01.log",)
    assert found.images == ("/var/lib/libvirt/images/web01.qcow2",)
    assert found.iothreads == ("iothread1",)
    assert (found.displays, found.thread_names) == (("vnc 127.0.0.1:0",), True)
    assert [(ref.line, ref.last_line) for ref in found.refs] == [(5, 25)]


def test_cmdline_of_proc_is_whole_and_keeps_blanks() -> None:
    found = config(b"/usr/bin/kvm\0-name\0My VM,process=x\0-drive\0file=/a b.img,if=virtio\0")
    assert (found.name, found.images) == ("My VM", ("/a b.img",))
    assert (found.accelerator, found.vcpus, found.memory_bytes) == (Accelerator.KVM, 1, 128 << 20)


def test_the_recorded_cmdline() -> None:
    found = config(sample("cmdline"))
    assert (found.name, found.machine, found.accelerator) == ("web01", "pc-q35-7.2", Accelerator.KVM)
    assert (found.hpet, found.memory_bytes) == (False, 4 << 30)


def test_a_row_of_ps() -> None:
    found = config(sample("ps.txt"))
    assert (found.binary, found.name, found.vcpus) == ("qemu-system-x86_64", "web01", 2)
    assert found.monitors == ("qmp unix:/var/lib/guests/q.sock",)
    assert (found.iothreads, found.consoles, found.hpet) == (("io1",), ("file:con.log",), False)
    assert found.accelerator is Accelerator.TCG


def test_ps_has_lost_the_quotes_around_json() -> None:
    line = 'root 12 3 4 5 6 ? Sl 14:02 435:23 /usr/bin/qemu-system-x86_64 -object {"qom-type":"iothread","id":"io7"}'
    assert config(line).iothreads == ("io7",)


def test_what_pasted_text_does_not_say_stays_unknown() -> None:
    found = config("qemu-system-x86_64 -name web01 -S -machine pc")
    assert (found.accelerator, found.vcpus, found.memory_bytes) == (Accelerator.UNKNOWN, None, None)


def test_a_whole_argv_has_qemus_defaults() -> None:
    found = config_of(["qemu-system-x86_64", "disk.img"])
    assert (found.accelerator, found.vcpus, found.memory_bytes) == (Accelerator.TCG, 1, 128 << 20)
    assert found.images == ("disk.img",)


@pytest.mark.parametrize(
    ("options", "accelerator"),
    [
        ("-accel kvm", Accelerator.KVM),
        ("-accel tcg,thread=multi", Accelerator.TCG),
        ("-machine q35,accel=kvm", Accelerator.KVM),
        ("-M pc,accel=tcg", Accelerator.TCG),
        ("-machine accel=kvm:tcg", Accelerator.UNKNOWN),
        ("-enable-kvm", Accelerator.KVM),
        ("--enable-kvm", Accelerator.KVM),
        ("-no-kvm", Accelerator.TCG),
        ("-accel whpx", Accelerator.UNKNOWN),
        ("-accel xen", Accelerator.XEN),
    ],
)
def test_accelerators(options: str, accelerator: Accelerator) -> None:
    assert config_of(["qemu-system-x86_64", *options.split()]).accelerator is accelerator


@pytest.mark.parametrize(
    ("smp", "vcpus"),
    [("4", 4), ("cpus=3", 3), ("sockets=2,cores=4,threads=2", 16), ("2,maxcpus=8", 2), ("maxcpus=8", 8), ("many", 1)],
)
def test_smp(smp: str, vcpus: int) -> None:
    assert config_of(["qemu-system-x86_64", "-smp", smp]).vcpus == vcpus


@pytest.mark.parametrize(
    ("memory", "mebibytes"),
    [("512", 512), ("2G", 2048), ("size=4194304k", 4096), ("1024M,slots=2,maxmem=8G", 1024), ("1.5g", 1536)],
)
def test_memory(memory: str, mebibytes: int) -> None:
    assert config_of(["qemu-system-x86_64", "-m", memory]).memory_bytes == mebibytes << 20


@pytest.mark.parametrize(
    ("cpu", "kvmclock"),
    [("host", None), ("host,-kvmclock", False), ("qemu64,+kvmclock", True), ("host,kvm=off", False), ("", None)],
)
def test_kvmclock(cpu: str, kvmclock: bool | None) -> None:
    assert config_of(["qemu-system-x86_64", "-cpu", cpu]).kvmclock is kvmclock


def test_monitors_and_consoles_by_chardev() -> None:
    words = (
        "-chardev socket,id=m,path=/run/m.sock,server -mon m,mode=control -monitor tcp:127.0.0.1:4444,server,nowait"
        " -qmp chardev:m -chardev file,id=s,path=/var/log/s.log -serial chardev:s -serial mon:stdio -monitor none"
    )
    found = config_of(["qemu-system-x86_64", *words.split()])
    assert found.monitors == ("qmp unix:/run/m.sock", "hmp tcp:127.0.0.1:4444", "hmp stdio", "qmp unix:/run/m.sock")
    assert found.consoles == ("file:/var/log/s.log", "mon:stdio")


def test_old_clock_options() -> None:
    found = config_of(["kvm", "-localtime", "-rtc-td-hack", "-no-hpet", "-tdf"])
    assert (found.rtc, found.hpet) == ("base=localtime,driftfix=slew", False)


def test_commas_are_doubled_in_names() -> None:
    assert config_of(["kvm", "-name", "a,,b,debug-threads=off"]).name == "a,b"
    assert config_of(["kvm", "-name", "a,,b,debug-threads=off"]).thread_names is False


def test_an_apostrophe_does_not_end_the_reading() -> None:
    assert config("kvm -name bob's -m 1G -smp 2").vcpus == 2


def test_two_commands_in_one_text() -> None:
    found = list(decode_command_line(evidence(Kind.COMMAND_LINE, f"{PLAIN}\n\n{PLAIN.replace('web01', 'web02')}\n")))
    assert [getattr(c, "name", "") for c in found] == ["web01", "web02"]
    assert [c.refs[0].line for c in found if isinstance(c, QemuConfig)] == [1, 3]


@pytest.mark.parametrize("broken", [broken_by_mailer(LIBVIRT_LOG, 72), broken_by_mailer(LIBVIRT_LOG, 100)])
def test_broken_by_a_mailer(broken: str) -> None:
    found = config(broken)
    assert (found.name, found.vcpus, found.kvmclock, found.iothreads) == ("web01", 4, False, ("iothread1",))


@pytest.mark.parametrize("width", [80, 100, 120])
def test_broken_by_a_terminal(width: int) -> None:
    line = LIBVIRT_LOG.replace("\\\n", "").splitlines()[1]
    found = config(broken_by_terminal(line[line.index("/usr/bin/qemu") :], width))
    assert (found.name, found.vcpus, found.memory_bytes) == ("web01", 4, 4096 << 20)
    assert found.images == ("/var/lib/libvirt/images/web01.qcow2",)


@pytest.mark.parametrize(
    "line",
    [
        "qemu-system-x86_64: -drive file=x: could not open",
        "the qemu process hangs",
        "12915 root 20 0 357572 40360 21880 S 80.0 0.2 0:02.33 kvm",
        "lr-x------ 1 root root 64 Nov 23 07:27 10 -> /usr/bin/qemu-system-x86_64",
        "ps aux | grep qemu",
    ],
)
def test_lines_that_are_no_command(line: str) -> None:
    assert not starts_command(line)
    with pytest.raises(BadInput, match=r"paste\.txt"):
        list(decode_command_line(evidence(Kind.COMMAND_LINE, line)))


@given(st.lists(st.text(max_size=40), max_size=20))
def test_any_words_are_read(argv: list[str]) -> None:
    assert isinstance(config_of(argv), QemuConfig)


WORDS = st.sampled_from(
    ["-name", "-smp", "-m", "-cpu", "-machine", "-object", "-drive", "-blockdev", "-mon", "-chardev", "-rtc", "\\", "'"]
)
VALUES = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"[a-z]{1,5}=[0-9a-z]{0,30}(,[a-z]{1,5}=[{}\[\]0-9GM.]{0,8}){0,3}", fullmatch=True),
    st.integers().map(str),
    st.sampled_from(["{" * 5000, '{"a":' * 2000, "9" * 5000 + "G", "file=" + "," * 3000]),
)


@given(st.lists(st.tuples(WORDS, VALUES), max_size=12))
def test_any_options_are_read(options: list[tuple[str, str]]) -> None:
    words = [word for option in options for word in option]
    assert isinstance(config_of(["qemu-system-x86_64", *words]), QemuConfig)
    text = "qemu-system-x86_64 -m 1 " + " ".join(words)
    assert all(isinstance(found, QemuConfig) for found in decode_command_line(evidence(Kind.COMMAND_LINE, text)))


@given(st.binary(max_size=400))
def test_any_bytes_give_configs_or_bad_input(data: bytes) -> None:
    try:
        found = list(decode_command_line(evidence(Kind.COMMAND_LINE, data)))
    except BadInput:
        return
    assert all(isinstance(one, QemuConfig) for one in found)
