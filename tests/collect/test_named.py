"""Which guests a command names: whole words only, by name, uuid, number, pid, unit; never by a part of another name."""

import asyncio
import os
import shlex
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.collect.named import named
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest, Manager, ProcessId

U1 = "6d0f11b2-0000-4000-8000-00000000000A"


def guest(pid: int, name: str, *, uuid: str = "", vmid: str = "", number: str = "") -> Guest:
    argv: tuple[str, ...] = ("qemu-system-x86_64", "-name", name)
    manager = Manager.PLAIN
    if vmid:
        argv, manager = ("/usr/bin/kvm", "-id", vmid, "-name", name), Manager.PROXMOX
    if number:
        mark = f"secret,id=masterKey0,file=/var/lib/libvirt/qemu/domain-{number}-{name}/master-key.aes"
        argv, manager = (*argv, "-object", mark), Manager.LIBVIRT
    process = ProcessId(pid=pid, start_ticks=1)
    return Guest(process=process, name=name, uuid=uuid, manager=manager, command_line=argv, host="node7")


WEB1 = guest(101, "web1", uuid=U1)
WEB10 = guest(102, "web10", number="3")
DB = guest(4711, "db", uuid="6d0f11b2-0000-4000-8000-00000000000b")
MAIL = guest(105, "mail", vmid="100")
SPACED = guest(106, "my guest")
DASHED = guest(107, "a-b")
NAMELESS = guest(108, "")
TWIN = guest(109, "default")
GUESTS = (WEB1, WEB10, DB, MAIL, SPACED, DASHED, NAMELESS, TWIN)

GROUPS: dict[str, bytes | OSError] = {
    "/proc/101/cgroup": b"12:cpu:/machine.slice\n0::/system.slice/qemu-web1.service\n",
    "/proc/102/cgroup": b"0::/machine.slice/machine-qemu\\x2d3\\x2dweb10.scope/libvirt/emulator\n",
    "/proc/4711/cgroup": b"0::/system.slice/db.service/payload\n",
    "/proc/105/cgroup": b"0::/qemu.slice/100.scope\n",
    "/proc/4713/status": b"Name:\tCPU 0/KVM\nTgid:\t4711\nPid:\t4713\n",
    "/proc/4711/status": b"Name:\tqemu\nTgid:\t4711\nPid:\t4711\n",
    "/proc/106/cgroup": PermissionError(13, os.strerror(13)),
}


def meant(*argv: str, commands: Mapping[str, Finished] | None = None) -> tuple[list[str], list[str], FakeHost]:
    """Names of the guests that are meant, what was told, and the host that was asked."""
    told: list[str] = []
    host = FakeHost(GROUPS, commands=commands)
    found = asyncio.run(named(host, GUESTS, argv, told.append))
    return [g.name or str(g.pid) for g in found], told, host


def names(*argv: str) -> list[str]:
    return meant(*argv)[0]


def domname(
    stdout: bytes, status: int | None = 0, outcome: Outcome = Outcome.OK, detail: str = ""
) -> dict[str, Finished]:
    return {"virsh": Finished(status=status, stdout=stdout, stderr=b"", outcome=outcome, detail=detail)}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # virsh: by name, uuid in any form, option; its own options do not confuse it
        ("virsh reset web1", ["web1"]),
        ("/usr/bin/virsh reset web1", ["web1"]),
        ("virsh destroy --graceful web10", ["web10"]),
        ("virsh destroy web10 --graceful", ["web10"]),
        (f"virsh reset {U1}", ["web1"]),
        (f"virsh reset {U1.lower()}", ["web1"]),
        (f"virsh reset {U1.replace('-', '')}", ["web1"]),
        ("virsh reset --domain web1", ["web1"]),
        ("virsh reset --domain=web1", ["web1"]),
        ("virsh -c qemu:///system reset web1", ["web1"]),
        ("virsh --connect qemu:///system -q -k 5 reset web1", ["web1"]),
        ("virsh --connect=qemu:///system reset web1", ["web1"]),
        ("virsh -c qemu+unix:///system?socket=/run/x reset web1", ["web1"]),
        ("virsh -c qemu+ssh://root@localhost/system reset web1", ["web1"]),
        ("virsh -c qemu+ssh://node7/system reset web1", ["web1"]),
        ("virsh -c web1 reset db", ["db"]),
        ("virsh -- reset web1", ["web1"]),
        ("virsh shutdown --mode agent web1", ["web1"]),
        ("virsh qemu-monitor-command web1 --hmp info", ["web1"]),
        ("virsh qemu-monitor-command --hmp web1 info", ["web1"]),
        ("virsh snapshot-revert web1 db", ["web1"]),
        ("virsh snapshot-revert --snapshotname db --domain web1", ["web1"]),
        ("virsh dommemstat --period 3 web1", ["web1"]),
        ("virsh setvcpus web1 3 --live", ["web1"]),
        ("virsh 'reset web1; destroy db'", ["web1", "db"]),
        ("virsh 'reset \"my guest\"'", ["my guest"]),
        ("virsh net-destroy default", []),
        ("virsh pool-destroy web1", []),
        ("virsh nodesuspend mem 60", []),
        ("virsh list --all", []),
        ("virsh", []),
        # what is not whole
        ("virsh reset web", []),
        ("virsh reset web100", []),
        ("virsh reset WEB1", []),
        ("virsh reset 6d0f11b2", []),
        # pids do not count for libvirt
        ("virt-xml 101 --edit", []),
        ("virt-xml web1 --edit --vcpus 3", ["web1"]),
        ("virt-clone --original web1 --name web2", ["web1"]),
        ("virt-clone --original=web1 --auto-clone", ["web1"]),
        ("virt-xml --connect qemu+ssh://other/system web1 --edit", []),
        # Proxmox
        ("qm stop 100", ["mail"]),
        ("qm stop --timeout 30 100", ["mail"]),
        ("qm guest exec 100 -- reboot", ["mail"]),
        ("qm clone 100 101", ["mail"]),
        ("qm stop 101", []),
        ("pct stop 101", []),
        ("pvesh create /nodes/node7/qemu/100/status/stop", ["mail"]),
        ("ha-manager remove vm:100", ["mail"]),
        ("sleep 100", []),
        # kill
        ("kill 4711", ["db"]),
        ("kill -9 4711", ["db"]),
        ("kill -KILL 4711 101", ["web1", "db"]),
        ("kill -s TERM 4711", ["db"]),
        ("kill --signal=KILL 4711", ["db"]),
        ("kill -n 9 4711", ["db"]),
        ("kill -4711", []),
        ("kill -9 -- 4711", ["db"]),
        ("kill -101 4711", ["db"]),
        ("kill --timeout 101 KILL 4711", ["db"]),
        ("kill -l", []),
        ("kill 471", []),
        ("kill 47110", []),
        ("kill db", []),
        ("kill 4713", ["db"]),
        ("kill 99999999999999999999999", []),
        # systemd
        ("systemctl stop db.service", ["db"]),
        ("systemctl stop db", ["db"]),
        ("systemctl restart qemu-web1", ["web1"]),
        ("systemctl kill -s KILL qemu-web1.service", ["web1"]),
        (r"systemctl stop 'machine-qemu\x2d3\x2dweb10.scope'", ["web10"]),
        ("systemctl stop 'machine-qemu*'", ["web10"]),
        ("systemctl stop machine.slice", ["web1", "web10"]),
        ("systemctl stop 100.scope", ["mail"]),
        ("systemctl stop qemu@web1", ["web1"]),
        ("systemctl stop qemu@web1.service", ["web1"]),
        (r"systemctl stop 'qemu@a\x2db.service'", ["a-b"]),
        ("systemctl stop qemu@a-b", ["a-b"]),
        ("systemctl stop qemu@web", []),
        ("systemctl stop web1", []),
        ("systemctl stop system", []),
        ("systemctl restart libvirtd", []),
        ("systemctl -H other stop db", []),
        ("systemctl --host=other stop db", []),
        ("service db stop", ["db"]),
        ("machinectl terminate qemu-3-web10", ["web10"]),
        # anything else: whole words
        ("docker stop web1", ["web1"]),
        ("./restart --guest=web1", ["web1"]),
        ("gdb -p 4711", ["db"]),
        (f"foo {U1}", ["web1"]),
        ("foo xweb1 web1x web1.qcow2 /vm/web1 web1,db", []),
        ("web1", []),
        # through wrappers and shells
        ("sudo virsh reset web1", ["web1"]),
        ("sudo -u root virsh reset web1", ["web1"]),
        ("sudo virsh net-destroy default", []),
        ("env LC_ALL=C timeout 30 virsh destroy web1", ["web1"]),
        ("LC_ALL=C virsh destroy web1", ["web1"]),
        ("nice kill 4711", ["db"]),
        ("timeout 30 ./restart web1", ["web1"]),
        ("sh -c 'virsh reset web1'", ["web1"]),
        ("bash -ec 'virsh reset web1 && kill -9 4711'", ["web1", "db"]),
        ("bash -c 'for d in web1 db; do virsh reset $d; done'", ["web1", "db"]),
        ("sudo sh -c 'virsh destroy db; sleep 1; virsh start db'", ["db"]),
        ("sh -c 'sh -c \"virsh reset web1\"'", ["web1"]),
        ("sh -c 'virsh reset web10|cat>/dev/null'", ["web10"]),
        ("sh -c 'virsh net-destroy default'", []),
        ("sh -c 'virsh reset \"my guest\"'", ["my guest"]),
        ("sh -c 'virsh reset web1 \"unclosed'", ["web1"]),
        ("sh ./restart web1", ["web1"]),
        ("su - root -c 'virsh reset web1'", ["web1"]),
        ("busybox kill 4711", ["db"]),
        ("sh -c 'ssh other virsh reset web1'", []),
        ("ssh other virsh reset web1", []),
        ("sudo ssh other virsh reset web1", []),
        ("pkill -f web1", []),
        ("killall web1", []),
    ],
)
def test_a_command_names_these_guests_and_no_other(line: str, expected: list[str]) -> None:
    assert names(*shlex.split(line)) == expected


def test_words_with_blanks_are_whole_words() -> None:
    assert names("virsh", "reset", "my guest") == ["my guest"]
    assert names("docker", "stop", "my guest") == ["my guest"]
    assert names("docker", "stop", "my", "guest") == []


def test_a_guest_without_a_name_is_named_by_nothing_but_its_pid() -> None:
    assert names("docker", "stop", "") == []
    assert names("virsh", "reset", "") == []
    assert names("gdb", "-p", "108") == ["108"]


def test_no_words_name_nobody() -> None:
    assert names() == []
    assert names("A=1") == []


def test_the_order_is_that_of_the_guests_and_nobody_comes_twice() -> None:
    assert names("foo", "db", "web1", "db", "101") == ["web1", "db"]


def test_libvirts_number_is_known_from_the_guests_own_paths() -> None:
    found, told, host = meant("virsh", "reset", "3")
    assert (found, told, host.ran) == (["web10"], [], [])


def test_a_number_that_no_path_holds_is_asked_of_the_same_libvirt() -> None:
    found, told, host = meant("virsh", "-c", "qemu:///session", "reset", "7", commands=domname(b"db\n\n"))
    assert (found, told) == (["db"], [])
    assert host.ran == [("virsh", "-c", "qemu:///session", "domname", "7")]


def test_a_number_that_libvirt_does_not_know_names_nobody() -> None:
    assert meant("virsh", "reset", "7", commands=domname(b"", status=1))[0] == []


def test_a_libvirt_that_hangs_is_told() -> None:
    hung = domname(b"", None, Outcome.TIMED_OUT, "did not end within 2 s")
    found, told, _ = meant("virsh", "reset", "7", commands=hung)
    assert found == []
    assert told == ["libvirt did not say which guest has the number 7: did not end within 2 s"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "virsh -c qemu+ssh://root@other/system reset web1",
            "virsh talks to another host (qemu+ssh://root@other/system)",
        ),
        ("virsh --connect=qemu+tls://other/system reset web1", "virsh talks to another host"),
        ("virsh -c qemu+ssh://node70/system reset web1", "virsh talks to another host"),
        ("ssh other virsh reset web1", "ssh runs its command on another host"),
        ("systemctl -H other stop db", "systemctl runs its command on another host"),
        ("kill -9 -4711", "-4711 is a process group"),
        ("kill -- -4711", "-4711 is a process group"),
        ("pkill -f web1", "pkill picks processes by a pattern"),
    ],
)
def test_what_is_not_followed_is_told(line: str, told: str) -> None:
    found, said, _ = meant(*line.split())
    assert found == []
    assert len(said) == 1
    assert said[0].startswith(told)


def test_shells_in_shells_come_to_an_end() -> None:
    words = "virsh reset web1"
    for _ in range(40):
        words = f"sh -c {words!r}" if "'" not in words else f'sh -c "{words}"'
    assert names("sh", "-c", words) in ([], ["web1"])


WORDS = st.sampled_from(
    [
        "virsh",
        "sh",
        "-c",
        "kill",
        "-9",
        "--",
        "systemctl",
        "qm",
        "web1",
        "-c",
        "'",
        '"',
        ";",
        "reset",
        "sudo",
        "100",
        "\\",
        "$(",
        "@",
        "",
    ]
)


@given(st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=8))
def test_any_words_are_read_without_trouble(words: list[str]) -> None:
    found = asyncio.run(named(FakeHost(GROUPS), GUESTS, words))
    assert set(found) <= set(GUESTS)


@given(st.text(min_size=1, max_size=20).filter(lambda name: name not in {g.name for g in GUESTS} | {"default"}))
def test_a_name_that_is_no_guests_names_nobody(name: str) -> None:
    numbers = {str(g.pid) for g in GUESTS} | {"3", U1.lower(), U1}
    if name not in numbers and not name.startswith("-"):
        assert asyncio.run(named(FakeHost(), GUESTS, ("virsh", "reset", name))) == ()
