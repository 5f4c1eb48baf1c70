"""Listings of /proc/PID/fd in the shapes of ls, find and lsof."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.fd_listing import decode_fd_listing
from crazytrain.decode.recognise import split
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Kind
from crazytrain.model.facts.descriptors import Descriptor, DescriptorTable
from tests.decode.pasted import case, evidence, sample


def tables(data: bytes | str) -> list[DescriptorTable]:
    found = list(decode_fd_listing(evidence(Kind.FD_LISTING, data, "fd.txt")))
    assert all(isinstance(one, DescriptorTable) for one in found)
    return [one for one in found if isinstance(one, DescriptorTable)]


def table(data: bytes | str) -> DescriptorTable:
    (one,) = tables(data)
    return one


def fd(found: DescriptorTable, number: int) -> Descriptor:
    one = found.get(number)
    assert one is not None
    return one


def test_the_listing_of_2012() -> None:
    found = table(case("fd.txt"))
    assert found.complete is False  # it begins and ends with "..."
    assert len(found.descriptors) == 13
    assert [d.fd for d in found.of("eventfd")] == [7, 8]
    assert [d.fd for d in found.of("signalfd")] == [10, 17]
    assert [d.fd for d in found.of("kvm-vcpu")] == [14, 15]
    assert fd(found, 19).role == "tap"
    assert fd(found, 6).role == "the virtual machine"
    assert fd(found, 7).role == ""  # what an eventfd is for the listing does not tell
    assert [str(ref) for ref in fd(found, 17).refs] == ["fd.txt:7"]
    assert [str(ref) for ref in found.refs] == ["fd.txt:3-15"]


def test_a_whole_listing_under_kvm() -> None:
    found = table(sample("ls-fd-kvm.txt"))
    assert found.complete is True
    assert (fd(found, 12).kind, fd(found, 12).vcpu, fd(found, 12).role) == ("kvm-vcpu", 0, "vCPU 0")
    assert fd(found, 13).target == "/var/lib/guests/pio.img"
    assert fd(found, 9).kind == "kvm"


def test_lsof() -> None:
    found = table(sample("lsof.txt"))
    assert found.complete is True
    assert {d.fd for d in found.descriptors} == {d.fd for d in table(sample("ls-fd.txt")).descriptors}
    assert {d.fd: d.kind for d in found.descriptors} == {d.fd: d.kind for d in table(sample("ls-fd.txt")).descriptors}
    assert (fd(found, 4).target, fd(found, 4).object_id) == ("anon_inode:[eventfd]", 1)
    assert (fd(found, 3).target, fd(found, 3).name) == ("socket:[93944]", "/var/lib/guests/q.sock type=STREAM (LISTEN)")


@pytest.mark.parametrize(
    "line",
    [
        "lrwx------ 1 libvirt-qemu kvm 64 2012-03-09 13:33 17 -> anon_inode:[signalfd]",
        "lrwx------ 1 libvirt-qemu kvm 64 Mar  9 13:33 17 -> anon_inode:[signalfd]",
        "lrwx------ 1 libvirt-qemu kvm 64  9. Mär 13:33 17 -> anon_inode:[signalfd]",
        "lrwx------ 1 libvirt-qemu kvm 64 mars   9 13:33 17 -> anon_inode:[signalfd]",
        "lrwx------ 1 libvirt-qemu kvm 64  3月  9日 13:33 17 -> anon_inode:[signalfd]",
        "lrwx------. 1 qemu qemu 64 Mar  9 13:33 17 -> anon_inode:[signalfd]",
        "lrwx------ 1 64055 64055 64 2012-03-09 13:33:01.123456789 +0100 17 -> anon_inode:[signalfd]",
        "lrwx------    1 root     users           64 Dec  5 13:04 /proc/2286/fd/17 -> anon_inode:[signalfd]",
        "    94275      0 lrwx------   1 root     root     64 Nov 23 07:23 /proc/7533/fd/17 -> anon_inode:[signalfd]",
        "lrwx------ 1 root root 64 Mar  9 13:33 17@ -> anon_inode:[signalfd]",
        "lrwx------ 1 root root 64 Mar  9 13:33 17 -> 'anon_inode:[signalfd]'",
        "17 -> anon_inode:[signalfd]",
        "qemu-syst 4711 root   17u  a_inode   0,14        0    1057 [signalfd]",
        "qemu-syst 4711 4712 qemu-syst root   17u  a_inode   0,14        0    1057 [signalfd]",
    ],
)
def test_every_shape_of_a_line(line: str) -> None:
    (part,) = split("fd.txt", line.encode())
    assert part.kind is Kind.FD_LISTING
    found = table(part.data)
    assert [(d.fd, d.kind, d.target) for d in found.descriptors] == [(17, "signalfd", "anon_inode:[signalfd]")]
    assert found.complete is False


def test_sockets_and_pipes_of_lsof() -> None:
    text = (
        "kvm 1 root 3u IPv4 12345 0t0 TCP *:5900 (LISTEN)\n"
        "kvm 1 root 4u unix 0xffff8881 0t0 678 type=STREAM\n"
        "kvm 1 root 5u sock 0,8 0t0 9 protocol: UNIX\n"
        "kvm 1 root 6r FIFO 0,13 0t0 10 pipe\n"
        "kvm 1 root 7uW REG 8,1 512 11 /var/lib/a b.img\n"
        "kvm 1 root 8u 0000 0,9 0 7 anon_inode\n"
        "kvm 1 root 9u CHR 10,200 0t0 5 /dev/net/tun\n"
    )
    found = table(text)
    assert [d.target for d in found.descriptors] == [
        "socket:[12345]",
        "socket:[678]",
        "socket:[9]",
        "pipe:[10]",
        "/var/lib/a b.img",
        "anon_inode:",
        "/dev/net/tun",
    ]
    assert fd(found, 3).name == "TCP *:5900 (LISTEN)"
    assert fd(found, 9).role == "tap"


def test_a_path_with_an_arrow_and_a_number_is_one_target() -> None:
    found = table("lrwx------ 1 root root 64 Mar  9 13:33 11 -> /images/7 -> 8.img\n")
    assert [(d.fd, d.target) for d in found.descriptors] == [(11, "/images/7 -> 8.img")]


def test_two_listings_are_two_tables() -> None:
    found = tables(sample("ls-fd.txt") + sample("ls-fd-kvm.txt"))
    assert [len(t.descriptors) for t in found] == [20, 13]
    assert [t.complete for t in found] == [True, True]


def test_what_is_no_listing_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"fd\.txt"):
        tables("total 0\nlrwxrwxrwx 1 root root 7 Mar  9 13:33 bin -> usr/bin\n")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "line", ["l" + "rwxrwxrwx " + " 1" * 200_000, "a 1 " + "5    " * 80_000, "1 -> /" + " -> " * 99_999]
)
def test_hostile_lines_take_no_time(line: str) -> None:
    tables("lrwx------ 1 root root 64 Mar  9 13:33 17 -> /x\n" + line)


PIECES = st.one_of(
    st.from_regex(r"l[rwx-]{9} 1 [a-z]{1,3} kvm 64 .{0,12} [0-9]{1,12} -> .{0,20}"),
    st.from_regex(r"[a-z]{1,4} [0-9]{1,5} root [0-9]{1,12}u (REG|unix|a_inode|IPv4|0000|FIFO).{0,20}"),
    st.text(max_size=40),
)


@given(st.lists(PIECES, max_size=10))
def test_any_text_gives_tables_or_bad_input(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        found = tables(text)
    except BadInput:
        return
    last = text.count("\n") + 1
    assert all(1 <= (r.line or 0) <= last for t in found for d in t.descriptors for r in d.refs)
    assert all(len({d.fd for d in t.descriptors}) == len(t.descriptors) for t in found)
