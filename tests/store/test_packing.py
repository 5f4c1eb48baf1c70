import io
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.model.errors import BadInput, BrokenCase, CrazytrainError, NotAllowed
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.store import is_packed, load, open_case, open_packed, pack, saved_report, verify
from tests.store.samples import WINDOW, files_below, guest, unfinished, written


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return written(tmp_path / "cases").path


def test_there_and_back(case: Path, tmp_path: Path) -> None:
    packed = pack(case, tmp_path)
    assert packed == tmp_path / f"{case.name}.crazytrain"
    assert load(packed) == open_packed(packed.read_bytes()) == load(case)
    assert verify(packed) == ()
    assert saved_report(packed) == saved_report(case)
    assert stat.S_IMODE(packed.stat().st_mode) == 0o600


def test_the_same_case_gives_the_same_bytes(case: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(case, copy)
    for number, file in enumerate(files_below(copy)):
        file.touch()
        file.chmod(0o640 + number % 8)
    one, two = pack(case, tmp_path / "one"), pack(copy, tmp_path / "two")
    assert one.read_bytes() == two.read_bytes()
    again = pack(one, tmp_path / "three")
    assert again.read_bytes() == one.read_bytes()


def test_tar_unpacks_it_to_the_same_case(case: Path, tmp_path: Path) -> None:
    packed = pack(case, tmp_path)
    plain = zstandard.ZstdDecompressor().decompress(packed.read_bytes())
    (tmp_path / "x").mkdir()
    subprocess.run(["tar", "-xf", "-", "-C", str(tmp_path / "x")], input=plain, check=True)
    assert load(tmp_path / "x" / case.name) == load(case)
    assert verify(tmp_path / "x" / case.name) == ()
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        members = tar.getmembers()
    assert {(one.mtime, one.uid, one.gid, one.mode, one.uname) for one in members} == {(0, 0, 0, 0o600, "")}
    assert members[0].name.endswith("/journal.jsonl")


def test_a_case_that_was_cut_off_stays_so(tmp_path: Path) -> None:
    writer = unfinished(tmp_path / "cases")
    writer.close()
    assert load(pack(writer.path, tmp_path)) == load(writer.path)


def test_only_what_belongs_to_the_case_is_packed(case: Path, tmp_path: Path) -> None:
    (case / "stranger").write_bytes(b"my diary")
    (case / "evidence/.new-x").write_bytes(b"my diary")
    assert b"diary" not in zstandard.ZstdDecompressor().decompress(pack(case, tmp_path).read_bytes())


def test_damage_travels_and_is_seen_there(case: Path, tmp_path: Path) -> None:
    (case / "evidence/tasks.0.txt").unlink()
    packed = pack(case, tmp_path)
    assert load(packed).evidence[0].outcome is Outcome.BROKE
    assert [problem.file for problem in verify(packed)] == ["evidence/tasks.0.txt"]


def test_nothing_is_overwritten(case: Path, tmp_path: Path) -> None:
    packed = pack(case, tmp_path / "mine")
    with pytest.raises(BadInput, match="is there already"):
        pack(case, packed)
    with pytest.raises(NotAllowed, match="cannot be written"):
        pack(case, tmp_path / "no" / "such" / "folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases", "mine"]


def test_a_large_case_can_be_packed_and_opened(tmp_path: Path) -> None:
    line = b"%032d\n"
    data = b"".join(line % number for number in range(1_800_000))
    with open_case(tmp_path / "cases", guest(), WINDOW) as writer:
        writer.keep(Evidence(id="x", kind=Kind.STRACE, source="s", data=data))
        assert writer.finish(b"{}", "")
    assert load(pack(writer.path, tmp_path)) == load(writer.path) == writer.case


def tar_of(*members: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return zstandard.ZstdCompressor().compress(out.getvalue())


def info(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


JOURNAL = (info("x/journal.jsonl"), b"{}\n")


@pytest.mark.parametrize(
    "member",
    [
        info("x/evidence/a.txt", tarfile.SYMTYPE, "/etc/passwd"),
        info("x/evidence/a.txt", tarfile.LNKTYPE, "x/journal.jsonl"),
        info("x/evidence/a.txt", tarfile.FIFOTYPE),
        info("x/evidence/a.txt", tarfile.CHRTYPE),
        info("x/evidence/a.txt", tarfile.GNUTYPE_SPARSE),
        info("/etc/passwd"),
        info("x/../../etc/passwd"),
        info("../x/evidence/a.txt"),
        info("x/evidence/../journal.jsonl"),
        info("x/journal.jsonl"),
        info("x/a/b/c/d"),
        info("x/evidence/" + "a" * 150),
        info("x/.hidden"),
    ],
)
def test_a_hostile_tar_is_refused(member: tarfile.TarInfo) -> None:
    with pytest.raises(BrokenCase, match="holds"):
        open_packed(tar_of(JOURNAL, (member, b"")))


def test_a_tar_made_by_hand_is_read(case: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.tar"
    command = ["tar", "--format=gnu", "-C", str(case.parent), "-cf", str(made), f"./{case.name}"]
    subprocess.run(command, check=True)
    packed = zstandard.ZstdCompressor().compress(made.read_bytes())
    assert open_packed(packed) == load(case)


def test_a_tar_bomb_is_refused() -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(1 << 30))
    with pytest.raises(BrokenCase, match="unpacks to more than"):
        open_packed(bomb)


def test_a_header_that_lies_about_its_size_is_refused() -> None:
    made = info("x/evidence/a.txt")
    made.size = 1 << 40
    header = made.tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(BrokenCase, match="cut off"):
        open_packed(zstandard.ZstdCompressor().compress(header))


def test_a_packed_case_that_was_cut_off_is_told(case: Path, tmp_path: Path) -> None:
    """The last four bytes are zstd's own checksum: without them all is still there, under our checksums."""
    data = pack(case, tmp_path).read_bytes()
    assert open_packed(data[:-4]) == load(case)
    for cut in range(5, len(data), max(1, len(data) // 100)):
        with pytest.raises(CrazytrainError):
            open_packed(data[:-cut])


def test_packed_cases_are_known_by_content(case: Path, tmp_path: Path) -> None:
    data = pack(case, tmp_path).read_bytes()
    assert is_packed(data)
    assert is_packed(data[: 256 << 10])
    assert not is_packed(zstandard.ZstdCompressor().compress(b"read(17, 0x1, 128) = 128\n" * 100))
    assert not is_packed(b"")
    assert not is_packed(b"\x28\xb5\x2f\xfd")
    assert not is_packed((case / "journal.jsonl").read_bytes())


@given(
    st.one_of(
        st.binary(),
        st.binary().map(lambda data: b"\x28\xb5\x2f\xfd" + data),
        st.binary().map(zstandard.ZstdCompressor().compress),
    )
)
def test_any_bytes_are_no_packed_case_or_a_clear_error(data: bytes) -> None:
    assert not is_packed(data)
    with pytest.raises(CrazytrainError):
        open_packed(data)
