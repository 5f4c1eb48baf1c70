"""What leaves the house: nothing that names a guest, a host, an address or a secret, anywhere in the bytes."""

import json
from pathlib import Path

import msgspec
import pytest
import zstandard

from crazytrain.model import bundle
from crazytrain.model.bundle import Part
from crazytrain.model.case import Case
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.store import listing, load, open_case, pack, saved_report, verify
from tests.store.samples import WINDOW, guest, unfinished, written

NAME, SIBLING, HOST = "acme-webserver-01", "B\u00fcro Nord", "kvm07.acme.corp"
UUID, MAC, IP, IP6 = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", "52:54:00:ab:cd:ef", "10.11.12.13", "fd12:3456::77"
ORIGINALS = [
    NAME,
    SIBLING,
    "kvm07",
    "acme",
    UUID,
    MAC,
    MAC.replace(":", ""),
    IP,
    IP6,
    "hunter2",
    "Nord",
    "ann",
    "payroll",
]

COMMAND = (
    *("qemu-system-x86_64", "-name", f"guest={NAME},debug-threads=on", "-uuid", UUID),
    *("-object", "secret,id=s,data=hunter2 x", "-netdev", f"tap,id=n,mac={MAC}"),
    *("-vnc", f"{IP}:1,password=on", "-drive", f"file=/home/ann/{NAME}-payroll.qcow2"),
)

SEEN = (
    Evidence(
        id="identity.0",
        kind=Kind.IDENTITY,
        source="/proc/4711",
        data=bundle.pack(
            [
                Part("/proc/4711/cmdline", "\0".join((*COMMAND, "")).encode()),
                Part(
                    "/proc/4711/cgroup",
                    b"0::/machine.slice/machine-qemu\\x2d3\\x2dacme\\x2dwebserver\\x2d01.scope/emulator\n",
                ),
                Part("/proc/4711/environ", outcome=Outcome.DENIED),
                Part("/proc/4711/comm", NAME[:15].encode() + b"\n"),
            ]
        ),
    ),
    Evidence(
        id="descriptors.0",
        kind=Kind.DESCRIPTORS,
        source=f"/var/lib/libvirt/qemu/domain-3-{NAME}/monitor.sock",
        data=bundle.pack([Part("/proc/4711/fd/9", f"/var/lib/libvirt/images/{NAME}.qcow2".encode())]),
    ),
    Evidence(
        id="host.0",
        kind=Kind.HOST,
        source="/proc",
        data=bundle.pack([Part("/proc/sys/kernel/hostname", HOST.encode() + b"\n")]),
    ),
    Evidence(id="console.0", kind=Kind.CONSOLE, source="/dev/pts/3", data=b"login: ann\npassword: hunter2\n"),
    Evidence(id=f"{NAME}.txt", kind=Kind.TEXT, source="stdin", data=b"anything: payroll\n"),
    Evidence(
        id="strace.0",
        kind=Kind.STRACE,
        source=f"strace on {HOST}",
        data=b'read(17, "\\16\\0\\0\\0\\0\\0\\0\\0", 128) = 128\nwrite(5, "hunter2\\n", 8) = 8\n'
        + f'connect(5, {{sin_addr=inet_addr("{IP}")}}, 16) = 0\n'.encode(),
    ),
    Evidence(
        id="qmp.0",
        kind=Kind.QMP,
        source="qmp",
        detail=f"asked {NAME} at {IP6}",
        data=b"".join(
            json.dumps(line).encode() + b"\n"
            for line in (
                {"execute": "query-name", "return": {"name": NAME, "password": "hunter2"}},
                {"execute": "hmp", "return": f'tap0: mac={MAC}\r\n\\ {SIBLING}: "{UUID}"', "at": 1.5},
                {"execute": "object-add", "arguments": {"qom-type": "secret", "id": "s", "data": "hunter2"}},
            )
        )
        + b"cut of",
    ),
    Evidence(
        id="bpf.0",
        kind=Kind.BPF,
        source="bpftrace",
        data=(json.dumps({"@calls": {NAME[:15]: 4711}}) + "\n").encode() * 3000,
    ),
)
REPORT = {
    "verdict": {"headline": f"{NAME} waits"},
    "refs": ["https://www.kernel.org/doc", "qmp.0:2"],
    "text": f'"{SIBLING}" on {HOST}',
}


def acme(root: Path) -> Path:
    main = msgspec.structs.replace(guest(NAME), host=HOST, uuid=UUID, command_line=COMMAND)
    other = msgspec.structs.replace(guest(SIBLING, 4712), host=HOST)
    with open_case(root, main, WINDOW, f"before reset of {NAME}") as writer:
        beside = writer.baseline(other, f"{SIBLING}: same machine type as {NAME}")
        for one in SEEN:
            writer.keep(one)
        beside.keep(SEEN[0])
        assert writer.finish(json.dumps(REPORT).encode(), f"{NAME} on {HOST} ({IP}) waits for {SIBLING}\n")
    return writer.path


@pytest.fixture(scope="module")
def redacted_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("acme")
    return pack(acme(place / "cases"), place, redact=True)


@pytest.fixture(scope="module")
def case(redacted_file: Path) -> Case:
    return load(redacted_file)


def everything(packed: Path) -> bytes:
    """The package as it is, unpacked, and with all that is compressed in it unpacked again."""
    raw = packed.read_bytes()
    case = load(packed)
    held = [one.data for part in (case, case.baseline) if part for one in part.evidence]
    return packed.name.encode() + raw + zstandard.ZstdDecompressor().decompress(raw) + b"".join(held)


@pytest.mark.parametrize("original", ORIGINALS)
def test_no_original_is_left_anywhere(redacted_file: Path, original: str) -> None:
    data = everything(redacted_file).lower()
    for form in (original, json.dumps(original)[1:-1], original.replace("-", "\\x2d"), original.replace(" ", "_")):
        assert form.lower().encode() not in data


def test_the_originals_were_there(tmp_path: Path) -> None:
    data = everything(pack(acme(tmp_path / "cases"), tmp_path))
    assert all(original.encode() in data for original in ORIGINALS if original != MAC.replace(":", ""))


def test_it_is_a_sound_case(redacted_file: Path, case: Case) -> None:
    assert verify(redacted_file) == ()
    assert case.complete
    assert redacted_file.name == f"{case.id}.crazytrain"
    assert case.id.startswith("guest1-20261123T070423Z-")
    assert "secrets are masked" in case.note


def test_guests_keep_what_is_no_name(case: Case) -> None:
    assert case.guest is not None
    assert case.baseline is not None
    assert case.baseline.guest is not None
    assert (case.guest.name, case.baseline.guest.name) == ("guest1", "guest2")
    assert (case.guest.pid, case.guest.vcpus, case.guest.machine) == (4711, 4, "pc-q35-8.2")
    assert case.guest.command_line[:3] == ("qemu-system-x86_64", "-name", "guest=guest1,debug-threads=on")
    assert "secret,id=s,data=***" in case.guest.command_line
    assert "192.0.2.1:1,password=on" in case.guest.command_line
    assert len(case.guest.command_line) == len(COMMAND)
    assert case.baseline_choice == "guest2: same machine type as guest1"


def test_lines_and_parts_stay_where_they_were(case: Case) -> None:
    for before, after in zip(SEEN, case.evidence, strict=True):
        if before.kind in (Kind.CONSOLE, Kind.TEXT):
            continue
        assert after.data.count(b"\n") == before.data.count(b"\n")
        old, new = list(bundle.unpack(before.data)), list(bundle.unpack(after.data))
        assert [(part.name, part.outcome, part.line) for part in old] == [
            (part.name, part.outcome, part.line) for part in new
        ]
        assert (after.kind, after.source == before.source or after.outcome) == (
            before.kind,
            after.source == before.source or before.outcome,
        )


def test_what_may_hold_anything_is_left_out_and_told(case: Case) -> None:
    out = [one for one in case.evidence if one.kind in (Kind.CONSOLE, Kind.TEXT)]
    assert [(one.id, one.data, one.outcome) for one in out] == [
        ("console.0", b"", Outcome.TRUNCATED),
        ("guest1.txt", b"", Outcome.TRUNCATED),
    ]
    assert "left out (29 bytes)" in out[0].detail


def test_traces_and_json_can_still_be_read(case: Case) -> None:
    strace = next(one for one in case.evidence if one.kind is Kind.STRACE).data.splitlines()
    assert strace[:2] == [rb'read(17, "\16\0\0\0\0\0\0\0", 128) = 128', rb'write(5, "xxxxxxx\n", 8) = 8']
    qmp = next(one for one in case.evidence if one.kind is Kind.QMP).data.splitlines()
    assert json.loads(qmp[0]) == {"execute": "query-name", "return": {"name": "guest1", "password": "***"}}
    assert json.loads(qmp[1])["at"] == 1.5
    assert json.loads(qmp[2])["arguments"] == {"qom-type": "secret", "id": "s", "data": "***"}
    assert qmp[3] == b"cut of"


def test_the_report_goes_along(redacted_file: Path) -> None:
    report = saved_report(redacted_file)
    assert report is not None
    assert json.loads(report.json)["verdict"] == {"headline": "guest1 waits"}
    assert json.loads(report.json)["refs"] == REPORT["refs"]
    assert report.text == "guest1 on host1 (192.0.2.1) waits for guest2\n"


def test_the_same_case_gives_the_same_bytes(tmp_path: Path) -> None:
    path = acme(tmp_path / "cases")
    one, two = pack(path, tmp_path / "one", redact=True), pack(path, tmp_path / "two", redact=True)
    assert one.read_bytes() == two.read_bytes()


def test_a_packed_case_can_be_redacted_later(tmp_path: Path) -> None:
    path = acme(tmp_path / "cases")
    packed = pack(path, tmp_path / "plain")
    assert (
        pack(packed, tmp_path / "a", redact=True).read_bytes() == pack(path, tmp_path / "b", redact=True).read_bytes()
    )


def test_a_case_that_was_cut_off_stays_so(tmp_path: Path) -> None:
    writer = unfinished(tmp_path / "cases")
    writer.close()
    case = load(pack(writer.path, tmp_path, redact=True))
    assert (case.complete, case.window) == (False, load(writer.path).window)


def test_damage_travels(tmp_path: Path) -> None:
    path = written(tmp_path / "cases").path
    (path / "evidence/tasks.0.txt").unlink()
    case = load(pack(path, tmp_path, redact=True))
    assert case.evidence[0].outcome is Outcome.BROKE


def test_the_original_is_left_alone(tmp_path: Path) -> None:
    path = acme(tmp_path / "cases")
    before = load(path)
    pack(path, tmp_path, redact=True)
    assert load(path) == before
    assert len(listing(tmp_path / "cases")) == 1
