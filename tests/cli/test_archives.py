"""Folders, tars and zips of text: read in memory, bounded, and what was left out is said."""

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard

from crazytrain.cli import choosing
from crazytrain.cli.archives import of_tar
from crazytrain.cli.choosing import Chooser
from crazytrain.cli.reading import read_all, text_of
from crazytrain.model.errors import BadInput
from crazytrain.model.facts.versions import VersionTold
from crazytrain.model.report import Report
from crazytrain.pipeline import decoded
from tests.decode.test_backtrace import DRAIN
from tests.decode.test_libvirt_pasted import DOMAIN
from tests.support import ROOT

FILES = {
    "sosreport-node-1/sos_commands/virsh/virsh_-r_dumpxml_web01": DOMAIN.encode(),
    "sosreport-node-1/proc/cpuinfo": b"processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu tsc hypervisor\n",
    "sosreport-node-1/proc/uptime": b"4711.5 100.0\n",
    "sosreport-node-1/sys/devices/system/clocksource/clocksource0/current_clocksource": b"tsc\n",
    "sosreport-node-1/sys/module/kvm/parameters/halt_poll_ns": b"200000\n",
    "sosreport-node-1/etc/passwd": b"root:x:0:0\n",
    "sosreport-node-1/sos_commands/process/gdb_bt": DRAIN.encode(),
}


def tar_of(files: dict[str, bytes], *more: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for info in more:
            tar.addfile(info)
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def one_report(*paths: Path) -> Report:
    (report,) = read_all(paths)
    return report


def kinds(report: Report) -> set[str]:
    return {view.kind for view in report.evidence}


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("packer", PACKERS)
def test_an_sosreport_however_packed(tmp_path: Path, packer: str) -> None:
    report = one_report(written(tmp_path, f"sos.tar{packer}", PACKERS[packer](tar_of(FILES))))
    assert {"libvirt-xml", "backtrace", "host", "host-params"} <= kinds(report)
    assert report.verdict.cause == "block-drain-deadlock"
    said = "\n".join(report.notes)
    assert "etc/passwd" in said, "what was left out is named"
    assert "read as backtrace" in said


def test_a_folder_a_zip_and_standard_input_say_the_same(tmp_path: Path) -> None:
    for name, data in FILES.items():
        written(tmp_path / "folder", name, data)
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    tar = gzip.compress(tar_of(FILES))
    argv = (sys.executable, "-m", "crazytrain", "explain", "--json", "-")
    done = subprocess.run(argv, input=tar, capture_output=True, timeout=120, check=False)
    piped = msgspec.json.decode(done.stdout, type=Report)
    for report in (one_report(tmp_path / "folder"), one_report(tmp_path / "all.zip"), piped):
        assert report.verdict.cause == "block-drain-deadlock"
        assert {"libvirt-xml", "backtrace", "host", "host-params"} <= kinds(report)


def test_files_archives_and_folders_in_any_mix(tmp_path: Path) -> None:
    report = one_report(
        written(tmp_path, "bt.txt", DRAIN.encode()),
        written(tmp_path, "a.tar", tar_of({"x.xml": DOMAIN.encode()})),
        written(tmp_path, "folder/note.txt", b"nothing of interest\n").parent,
    )
    assert {"libvirt-xml", "backtrace"} <= kinds(report)
    assert any("note.txt" in note for note in report.notes)


def test_links_devices_and_climbing_names_do_nothing(tmp_path: Path) -> None:
    link, device = tarfile.TarInfo("x/link"), tarfile.TarInfo("x/null")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    device.type, device.devmajor, device.devminor = tarfile.CHRTYPE, 1, 3
    hostile = tar_of({"../../../../outside.txt": DRAIN.encode(), "/absolute": DOMAIN.encode()}, link, device)
    folder = written(tmp_path, "in/a.tar", hostile).parent
    (folder / "link.txt").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.txt")
    assert {"backtrace", "libvirt-xml"} <= kinds(one_report(folder / "a.tar"))
    assert not (tmp_path / "outside.txt").exists()
    (folder / "bt.txt").write_text(DRAIN)
    report = one_report(folder)
    assert not any("passwd" in view.source for view in report.evidence)


def test_a_bomb_is_not_unpacked_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "MOST_BYTES", 1 << 20)
    big = b"KVM: entry failed, hardware error 0x80000021\n" * 40_000
    names = {f"{number}.log": big for number in range(30)}
    report = one_report(written(tmp_path, "bomb.tar.xz", lzma.compress(tar_of({"bt.txt": DRAIN.encode(), **names}))))
    assert any("beyond the limit" in note for note in report.notes)
    assert any("28 more" in note or "and 2" in note for note in report.notes)


class Endless:
    """A tar of one file that claims to hold more than there is in the world."""

    def __init__(self) -> None:
        info = tarfile.TarInfo("endless")
        info.size = 1 << 40
        self.head = info.tobuf(tarfile.GNU_FORMAT)
        self.given = 0

    def read(self, size: int) -> bytes:
        self.given += size
        head, self.head = self.head[:size], self.head[size:]
        return head or bytes(size)


def test_a_size_that_is_a_lie_ends_at_once() -> None:
    chooser, reader = Chooser("a.tar"), Endless()
    assert list(of_tar(reader, chooser)) == []
    assert reader.given < 1 << 20
    assert any("4 GiB" in note for note in chooser.notes())


def test_a_tar_that_is_cut_off_gives_what_there_was(tmp_path: Path) -> None:
    whole = gzip.compress(tar_of(FILES))
    report = one_report(written(tmp_path, "cut.tar.gz", whole[: len(whole) - 40]))
    assert "libvirt-xml" in kinds(report)
    assert any("cut off" in note for note in report.notes)


@pytest.mark.parametrize(
    "data",
    [b"PK\x03\x04" + bytes(100), b"\xfd7zXZ\0" + bytes(50), b"BZh9" + bytes(50), bytes(257) + b"ustar" + bytes(400)],
)
def test_damaged_archives_are_bad_input(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BadInput):
        read_all([written(tmp_path, "a.bin", data)])


def test_long_names_and_the_end_of_a_long_log(tmp_path: Path) -> None:
    name = "var/log/libvirt/qemu/" + "long" * 60 + ".log"
    log = b"2026-11-23 10:00:00.000+0000: filler\n" * 200_000 + b"KVM: entry failed, hardware error 0x80000021\n"
    report = one_report(written(tmp_path, "logs.tar", tar_of({name: log})))
    assert report.verdict.cause == "vmentry-failure"
    info = tarfile.TarInfo("y" * 300 + ".txt")
    info.size = len(DRAIN)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(DRAIN.encode()))
    chooser = Chooser("a")
    (member,) = of_tar(io.BytesIO(out.getvalue()), chooser)
    assert (member.name, member.data) == ("y" * 300 + ".txt", DRAIN.encode())


def test_an_empty_folder_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="was recognised"):
        read_all([tmp_path])


def packed_case(folder: Path, name: str) -> bytes:
    """A packed case of the lab's, as a colleague sends one."""
    data = (ROOT / "tests" / "cases" / name / "case.crazytrain").read_bytes()
    written(folder, f"{name}.crazytrain", data)
    return data


def test_packed_cases_within_archives_are_cases(tmp_path: Path) -> None:
    case = packed_case(tmp_path, "lab-rtc-storm")
    files = {
        "sosreport-x/sos_commands/kvm/a.crazytrain": case,
        "sosreport-x/sos_commands/process/gdb_bt": DRAIN.encode(),
    }
    of_case, of_text = read_all([written(tmp_path, "x.tar.gz", gzip.compress(tar_of(files)))])
    assert (of_case.verdict.cause, of_text.verdict.cause) == ("rtc-periodic-storm", "block-drain-deadlock")
    with zipfile.ZipFile(tmp_path / "only.zip", "w") as archive:
        archive.writestr("a/renamed.crazytrain", case)
        archive.writestr("a/note.txt", "nothing of interest\n")
    report = one_report(tmp_path / "only.zip")
    assert report.verdict.cause == "rtc-periodic-storm"
    assert any("note.txt" in note for note in report.notes), "what stood beside it is told"


def test_damaged_cases_within_archives_are_told(tmp_path: Path) -> None:
    case = packed_case(tmp_path, "lab-hlt-idle")
    files = {"cut.crazytrain": case[: len(case) // 2], "bt": DRAIN.encode(), "empty.crazytrain": b"?"}
    report = one_report(written(tmp_path, "x.tar", tar_of(files)))
    assert report.verdict.cause == "block-drain-deadlock"
    assert any("cut.crazytrain" in note for note in report.notes)
    with pytest.raises(BadInput, match=r"cut\.crazytrain"):
        read_all([written(tmp_path, "y.tar", tar_of({"cut.crazytrain": case[: len(case) // 2]}))])


def test_a_case_beside_a_note_that_says_nothing(tmp_path: Path) -> None:
    packed_case(tmp_path, "lab-hlt-idle")
    report = one_report(tmp_path / "lab-hlt-idle.crazytrain", written(tmp_path, "note.txt", b"nothing of interest\n"))
    assert any("note.txt" in note for note in report.notes)


def test_an_archive_of_cases_is_bounded(tmp_path: Path) -> None:
    case = packed_case(tmp_path, "lab-hlt-idle")
    reports = read_all([written(tmp_path, "x.tar", tar_of({f"{n}.crazytrain": case for n in range(20)}))])
    assert len(reports) == 16
    assert any("limit of 16" in note for note in reports[0].notes)


@pytest.mark.parametrize("packer", [".gz", ".xz", ".bz2", ".zst"])
def test_rotated_logs_within_an_sosreport(tmp_path: Path, packer: str) -> None:
    log = b"2026-11-23 10:00:00.000+0000: filler\n" * 2_000 + b"KVM: entry failed, hardware error 0x80000021\n"
    files = {
        f"sosreport-x/var/log/libvirt/qemu/web01.log{packer}": PACKERS[packer](log),
        f"sosreport-x/var/log/audit.log{packer}": PACKERS[packer](log),
        f"sosreport-x/var/log/libvirt/qemu/disk.img{packer}": PACKERS[packer](log),
        f"sosreport-x/var/log/libvirt/more.tar{packer}": PACKERS[packer](tar_of({"bt.txt": DRAIN.encode()})),
    }
    report = one_report(written(tmp_path, "sosreport-x.tar", tar_of(files)))
    assert report.verdict.cause == "vmentry-failure"
    said = "\n".join(report.notes)
    assert all(name in said for name in ("audit.log", "disk.img", "more.tar")), "what was left out is named"


def test_packed_files_in_a_folder_and_a_case_that_was_packed_again(tmp_path: Path) -> None:
    written(tmp_path / "in", "bt.txt.gz", gzip.compress(DRAIN.encode()))
    written(tmp_path / "in", "plain.gz", DOMAIN.encode())
    assert {"backtrace", "libvirt-xml"} <= kinds(one_report(tmp_path / "in"))
    case = (ROOT / "tests" / "cases" / "lab-hlt-idle" / "case.crazytrain").read_bytes()
    report = one_report(written(tmp_path, "x.tar", tar_of({"a.crazytrain.xz": lzma.compress(case)})))
    assert report.verdict.cause == "healthy-idle"


def test_what_unpacks_to_too_much_or_not_at_all_is_told(tmp_path: Path) -> None:
    bomb, cut = lzma.compress(bytes(80 << 20)), gzip.compress(DRAIN.encode() + os.urandom(30_000).hex().encode())
    files = {
        "bt.txt": DRAIN.encode(),
        "bomb.log.xz": bomb,
        "cut.log.gz": cut[: len(cut) // 2],
        "no.log.gz": b"\x1f\x8b\x08",
    }
    said = "\n".join(one_report(written(tmp_path, "x.tar", tar_of(files))).notes)
    assert "too large once they are unpacked: bomb.log.xz" in said
    assert "could be unpacked: cut.log.gz, no.log.gz" in said


def test_the_parts_of_an_sosreport_that_matter(tmp_path: Path) -> None:
    """Each of them is read, however sos named the command's output; the rest is named as left out."""
    data = ROOT / "tests" / "data"
    parts = {
        "sos_commands/kernel/dmesg_-T": b"[Mon Nov 23 16:00:14 2026] kvm [21715]: vcpu1 unhandled rdmsr: 0x611\n",
        "sos_commands/virsh/virsh_-r_domstats": b"Domain: 'web01'\n  vcpu.0.halt_exits.sum=8655\n  block.count=0\n",
        "sos_commands/process/ps_-elfL": (data / "host_text" / "ps-Lp.txt").read_bytes(),
        "sos_commands/process/top_-b_-H_-n_1": (data / "paste" / "top-H.txt").read_bytes(),
        "sos_commands/sar/sar_-u": (data / "host_text" / "sar.txt").read_bytes(),
        "proc/interrupts": (data / "host_text" / "interrupts-2.txt").read_bytes(),
        "proc/stat": b"cpu  1000 0 500 8000 0 0 0 0 900 0\n",
        "var/log/libvirt/qemu/web01.log": b"KVM: entry failed, hardware error 0x80000021\n",
        "sys/module/kvm/parameters/halt_poll_ns": b"200000\n",
        "etc/shadow": b"root:*:1\n",
    }
    links = []
    for number in range(8000):
        link = tarfile.TarInfo(f"sosreport-x/etc/rc.d/../../../../l{number}")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
        links.append(link)
    tar = tar_of({f"sosreport-x/{name}": part for name, part in parts.items()}, *links)
    report = one_report(written(tmp_path, "sosreport-x.tar.xz", lzma.compress(tar)))
    wanted = {
        "log-text",
        "libvirt-text",
        "ps",
        "top-threads",
        "sysstat",
        "interrupts",
        "host",
        "host-params",
        "qemu-text",
    }
    assert wanted <= kinds(report)
    said = "\n".join(report.notes)
    assert "8000 files links" in said
    assert "etc/shadow" in said
    assert not any("shadow" in view.source for view in report.evidence)


def test_an_sosreport_tells_versions_and_keeps_rotated_logs(tmp_path: Path) -> None:
    """Of a list of packages only what guests need is kept; of logs those that were rotated are read, too."""
    log = b"Nov 23 06:45:01 node1 kernel: INFO: task qemu-kvm:4711 blocked for more than 120 seconds.\n"
    files = {
        "sosreport-x/installed-rpms": b"bash-5.1.8-6.el9.x86_64  Mon\nqemu-kvm-8.0.0-16.el9.x86_64  Mon\nkernel-5.14.0-1.el9.x86_64 Mon\n",
        "sosreport-x/uname": b"Linux node1 5.14.0-362.el9.x86_64 #1 SMP x86_64 GNU/Linux\n",
        "sosreport-x/var/log/kern.log.2.gz": gzip.compress(log),
        "sosreport-x/var/log/messages-20261122": log,
        "sosreport-x/proc/4711/status": b"Name:\tqemu-kvm\nState:\tD (disk sleep)\nTgid:\t4711\nPid:\t4711\n",
    }
    report = one_report(written(tmp_path, "sosreport-x.tar", tar_of(files)))
    said = "\n".join(report.notes)
    for name in ("kern.log.2.gz", "messages-20261122"):
        assert f"{name}: line 1 read as log-text" in said
    assert "proc/4711/status: lines 1 to 4 read as printed-files" in said
    assert "no kind that is looked for" not in said
    pasted = text_of([tmp_path / "sosreport-x.tar"])
    versions = {one.component.name: one.number for one in decoded(pasted.evidence).facts.all(VersionTold)}
    assert versions["QEMU"] == (8, 0)
    assert (5, 14) in versions.values()
