"""What a recorded case must not tell of the machine on which it was recorded."""

from crazytrain.model import bundle
from crazytrain.model.case import Case, Window
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.guest import Guest, ProcessId
from tests.recording.neutral import neutral, strange_paths, told_in

MOUNTS = b"""27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 27 0:26 / /mnt/company/secret ro - tmpfs nothing ro
29 27 0:27 / /tmp/x rw - tmpfs tmpfs rw
"""
LOG = b"kern  :info  : [    1.000000] a machine of Example Corp.\nkern  :warn  : [  500.000000] kvm: oh\n"


def case(*parts: bundle.Part, kind: Kind = Kind.STORAGE, data: bytes | None = None) -> Case:
    guest = Guest(process=ProcessId(pid=7, start_ticks=1), name="g", command_line=("qemu", "-drive", "/srv/lab1/disk"))
    packed = bundle.pack(parts) if data is None else data
    seen = Evidence(id="x.0", kind=kind, source="/srv/lab1/qmp.sock", data=packed, mono_ns=510_000_000_000)
    window = Window(wall_ns=0, start_ns=0, end_ns=1)
    return Case(id="c", guest=guest, window=window, evidence=(seen,), baseline_choice="web02 on /srv/lab1")


def parts_of(whole: Case) -> dict[str, bytes]:
    return {part.name: part.data for part in bundle.unpack(whole.evidence[0].data)}


def test_folders_are_replaced_everywhere_and_a_bundle_stays_one() -> None:
    before = case(bundle.Part("/srv/lab1/fd", b"/srv/lab1/deeper/disk\n"), bundle.Part("b", b"2\n"))
    after = neutral(before, {b"/srv/lab1": b"/lab", b"/srv/lab1/deeper": b"/lab/longer-than-before"})
    assert parts_of(after) == {"/lab/fd": b"/lab/longer-than-before/disk\n", "b": b"2\n"}
    assert after.evidence[0].source == "/lab/qmp.sock"
    assert after.guest is not None
    assert after.guest.command_line[2] == "/lab/disk"
    assert "srv" not in str(after)


def test_what_is_no_bundle_is_replaced_too() -> None:
    data = b'{"path": "/srv/lab1/x"}\n'
    assert neutral(case(kind=Kind.QMP, data=data), {b"/srv/lab1": b"/lab"}).evidence[0].data == b'{"path": "/lab/x"}\n'


def test_of_mounts_parameters_and_log_stays_what_any_linux_has() -> None:
    after = neutral(
        case(
            bundle.Part("/proc/7/mountinfo", MOUNTS),
            bundle.Part("/proc/cmdline", b"quiet psi=1 company.secret=7 init=/company -- --token x\n"),
            bundle.Part("/proc/version", b"Linux version 6.1 (joe@box.example) (gcc (GCC) 15) #1\n"),
            bundle.Part("dmesg", LOG),
        ),
        {},
    )
    told = parts_of(after)
    assert told["/proc/7/mountinfo"].splitlines() == [MOUNTS.splitlines()[0], MOUNTS.splitlines()[2]]
    assert told["/proc/cmdline"] == b"quiet psi=1\n"
    assert told["/proc/version"] == b"Linux version 6.1 (user1@host1) (gcc (GCC) 15) #1\n"
    assert told["dmesg"].splitlines() == LOG.splitlines()[1:]


def test_a_path_of_this_machine_is_found() -> None:
    assert strange_paths(case()) == {"/srv"}
    assert strange_paths(neutral(case(), {b"/srv/lab1": b"/lab"})) == set()
    assert strange_paths(case(data=b"tmpfs a/b 3/4 //x http://a/b /usr/lib/qemu /proc/7/fd")) == {"/srv"}


def test_a_name_is_found_as_a_word() -> None:
    assert told_in(case(data=b"Machine BOX-7, ours"), ("box-7", "our", "ours")) == {"box-7", "ours"}
