"""What mailers, terminals, pagers and forums do to text changes no figure that is read from it."""

import html
import quopri
import re
import textwrap
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crazytrain.decode.frames import unframed
from crazytrain.decode.recognise import split
from crazytrain.decode.registry import decoders_of
from crazytrain.decode.unwrap import rejoined
from tests.decode.pasted import broken_by_mailer, broken_by_terminal
from tests.support import ROOT

DATA = ROOT / "tests" / "data"
PS = """\
UID          PID    PPID     LWP  C NLWP STIME TTY          TIME CMD
libvirt+    5120       1    5120  3    4 Nov20 ?        00:12:01 /usr/bin/qemu-system-x86_64 -name guest=db2,debug-threads=on -S -object {"qom-type":"secret","id":"masterKey0","format":"raw","file":"/var/lib/libvirt/qemu/domain-3-db2/master-key.aes"} -machine pc-q35-8.1,usb=off -accel kvm -m 2048
libvirt+    5120       1    5124 98    4 Nov20 ?        2-20:12:01 /usr/bin/qemu-system-x86_64 -name guest=db2,debug-threads=on -S -object {"qom-type":"secret","id":"masterKey0","format":"raw","file":"/var/lib/libvirt/qemu/domain-3-db2/master-key.aes"} -machine pc-q35-8.1,usb=off -accel kvm -m 2048
"""
LOG = """\
2026-11-20T03:15:41.500456+00:00 node7 kernel: [83456.123456] watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [CPU 0/KVM:5124]
2026-11-20T03:15:41.500460+00:00 node7 kernel: [83456.123461] CPU: 3 PID: 5124 Comm: CPU 0/KVM Tainted: G L     6.5.11-8 #1
2026-11-20T03:15:41.500470+00:00 node7 kernel: [83456.123462] RIP: 0010:vmx_vcpu_run+0x2cb/0x860 [kvm_intel]
2026-11-20T03:15:41.500480+00:00 node7 kernel: [83456.123463] Call Trace:
"""
TRACE = """\
Thread 2 (Thread 0x7f549b93a640 (LWP 5124) "CPU 0/KVM"):
#0  __GI___ioctl (request=44672, fd=21) at ../sysdeps/unix/sysv/linux/ioctl.c:36
#1  0x000055a6076dce9a in kvm_vcpu_ioctl (cpu=cpu@entry=0x55a608d2f2a0, type=type@entry=44672) at ../accel/kvm/kvm-all.c:3012
Thread 1 (Thread 0x7f549d2e8ec0 (LWP 5120) "qemu-system-x86"):
#0  0x00007f549d0bd1c6 in __ppoll (fds=0x55a608f1d410, nfds=9, timeout=<optimized out>, sigmask=0x0) at ../sysdeps/unix/sysv/linux/ppoll.c:44
#1  0x000055a6076e1d1a in qemu_poll_ns (fds=<optimized out>, nfds=<optimized out>, timeout=992000000) at ../util/qemu-timer.c:351
"""
ANSWER = """\
{"return": [{"device": "drive-virtio-disk0", "parent": {"stats": {"wr_highest_offset": 21474836480}}, "stats": {"wr_bytes": 1048576, "rd_bytes": 4096, "wr_operations": 256, "rd_operations": 1, "flush_operations": 7}}]}
"""
TEXTS = {
    "strace": "paste/strace-f-tt-T-y.txt",
    "top -H": "paste/top-H.txt",
    "lsof": "paste/lsof.txt",
    "ls": "paste/ls-fd-kvm.txt",
    "mpstat": "host_text/mpstat.txt",
    "perf report": "host_text/perf-report.txt",
    "interrupts": "host_text/interrupts-2.txt",
}
SAMPLES = {name: (DATA / path).read_text(encoding="utf-8") for name, path in TEXTS.items()}
SAMPLES |= {"ps -eLf": PS, "a kernel's log": LOG, "gdb": TRACE, "QMP": ANSWER}
_NOT_SAID = frozenset({"Moments", "Prose", "Told"})
_WHERE = frozenset({"refs", "ref", "line", "lines"})


def each(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(change(line) + "\n" for line in text.splitlines())


def numbered(form: str) -> Callable[[str], str]:
    return lambda text: "".join(form.format(n, line) for n, line in enumerate(text.splitlines(), start=1))


def flowed(text: str) -> str:
    """RFC 3676: a blank at the end of a line says that the next one goes on with it."""
    lines = [broken_by_mailer(line, 72).splitlines() for line in text.splitlines()]
    return "".join(" \n".join(pieces) + "\n" for pieces in lines)


quoted = each(lambda line: f"> {line}")
bulleted = each(lambda line: f"- {line}")
MANGLED: dict[str, Callable[[str], str]] = {
    "quoted twice": each(lambda line: f"> > {line}"),
    "barred": each(lambda line: f"| {line}"),
    "a mailer, 72": lambda text: broken_by_mailer(text, 72),
    "a mailer, 76": lambda text: broken_by_mailer(text, 76),
    "a mailer, then quoted": lambda text: quoted(broken_by_mailer(text, 72)),
    "quoted, then a mailer": lambda text: broken_by_mailer(quoted(text), 72),
    "a mailer, with CRLF": lambda text: broken_by_mailer(text, 72).replace("\n", "\r\n"),
    "flowed": flowed,
    "a terminal, 100": lambda text: broken_by_terminal(text.expandtabs(), 100),
    "colours": each(lambda line: f"\x1b[1m{line[:3]}\x1b[0m{line[3:]}\x1b[K"),
    "one blank": each(lambda line: re.sub(r"[ \t]+", " ", line).strip()),
    "trailing blanks": each(lambda line: f"{line}    "),
    "cat -n": numbered("{:6}\t{}\n"),
    "nl": numbered("{:6}  {}\n"),
    "grep -n": numbered("{}:{}\n"),
    "bullets": bulleted,
    "comments": each(lambda line: f"# {line}"),
    "code": each(lambda line: f"`{line}`" if line.strip() else line),
    "a table": each(lambda line: f"| {line} |"),
    "a page": each(lambda line: f"{html.escape(line)}<br>"),
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "a journal": each(lambda line: f"Nov 23 22:40:01 node7 watcher[812]: {line}"),
    "a container": each(lambda line: f"2026-11-23T22:40:01.123456789Z {line}"),
    "typography": lambda text: text.replace('"', "\u201d").replace("'", "\u2019").replace("--", "\u2014"),
}
# What is not told as before, and why.
LEFT = {
    # A row, cut within its last word, is whole without its end, and few rows are so long.
    ("a terminal, 100", "lsof"),
    ("a terminal, 100", "ps -eLf"),
}


def plain(value: object) -> object:
    """A fact without where it stands; how many blanks stand within a string says nothing."""
    if isinstance(value, msgspec.Struct):
        own = [(name, plain(getattr(value, name))) for name in value.__struct_fields__ if name not in _WHERE]
        return (type(value).__name__, *own)
    if isinstance(value, tuple | list | frozenset):
        return tuple(plain(one) for one in value)
    return re.sub(r"\s+", " ", value).strip() if isinstance(value, str) else value


def told(text: str) -> list[str]:
    facts = [fact for part in split("x", text.encode()) for decode in decoders_of(part) for fact in decode(part)]
    return sorted(repr(plain(fact)) for fact in facts if type(fact).__name__ not in _NOT_SAID)


CLEAN = {name: told(text) for name, text in SAMPLES.items()}


@pytest.mark.parametrize("how", MANGLED)
def test_no_figure_changes(how: str) -> None:
    wrong = {name for name, text in SAMPLES.items() if told(MANGLED[how](text)) != CLEAN[name]}
    assert wrong == {name for mangled, name in LEFT if mangled == how}


@pytest.mark.parametrize("name", SAMPLES)
def test_whole_text_stays_as_it_is(name: str) -> None:
    lines = SAMPLES[name].encode().split(b"\n")
    assert [line.rstrip() for line in rejoined(unframed(lines))] == [line.rstrip() for line in lines]
    assert CLEAN[name]


def test_prose_below_a_table_is_none_of_its_rows() -> None:
    talk = textwrap.fill("I have no idea what takes the time here and what I should look at next. " * 4, 72)
    lines = f"{SAMPLES['top -H']}{talk}\nRegards\n".encode().split(b"\n")
    assert [line.rstrip() for line in rejoined(unframed(lines))] == [line.rstrip() for line in lines]


LINES = st.lists(
    st.one_of(
        st.binary(max_size=90).filter(lambda line: b"\n" not in line),
        st.sampled_from([line for text in SAMPLES.values() for line in text.encode().split(b"\n")]),
        st.sampled_from(
            [line for text in SAMPLES.values() for line in broken_by_mailer(text, 72).encode().split(b"\n")]
        ),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(lines=LINES)
def test_lines_keep_their_numbers_and_nothing_is_lost(lines: list[bytes]) -> None:
    whole = rejoined(lines)
    assert len(whole) == len(lines)
    assert len(unframed(lines)) == len(lines)
    words = b"".join(b"".join(whole).split())
    assert all(word in words for line in lines for word in line.split() if word.isalnum() and len(word) >= 4)
