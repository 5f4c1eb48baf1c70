import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.store.aliases import Aliases

UUID = b"4dea22b3-1d52-d8f3-2516-782e98ab3fa0"


def aliased(text: bytes, guests: tuple[str, ...] = (), hosts: tuple[str, ...] = ()) -> bytes:
    return Aliases([text], guests, hosts).apply(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (UUID, b"00000000-0000-4000-8000-000000000001"),
        (UUID + b" " + UUID.upper(), b"00000000-0000-4000-8000-000000000001 00000000-0000-4000-8000-000000000001"),
        (
            UUID + b" " + UUID.replace(b"-", b""),
            b"00000000-0000-4000-8000-000000000001 00000000000040008000000000000001",
        ),
        (UUID.replace(b"-", rb"\x2d"), rb"00000000\x2d0000\x2d4000\x2d8000\x2d000000000001"),
        (
            b"mac=52:54:00:AB:cd:ef,52-54-00-ab-cd-ef tap525400abcdef",
            b"mac=02:00:00:00:00:01,02-00-00-00-00-01 tap020000000001",
        ),
        (b"ff:ff:ff:ff:ff:ff 00:00:00:00:00:00", b"ff:ff:ff:ff:ff:ff 00:00:00:00:00:00"),
        (b"10.1.2.3:5900 10.1.2.4 10.1.2.3", b"192.0.2.1:5900 192.0.2.2 192.0.2.1"),
        (
            b"127.0.0.1 0.0.0.0 255.255.255.0 1.2.3.4.5 6.1.0 999.1.1.1",
            b"127.0.0.1 0.0.0.0 255.255.255.0 1.2.3.4.5 6.1.0 999.1.1.1",
        ),
        (b"0::/system.slice\n4:memory:/x :: 0:0:0:0:0:0:0:0", b"0::/system.slice\n4:memory:/x :: 0:0:0:0:0:0:0:0"),
        (b"[fe80::5054:ff:feab:cdef]:1 fe80:0::5054:ff:feab:cdef ::1", b"[2001:db8::1]:1 2001:db8::1 ::1"),
        (b"::ffff:10.1.2.3", b"::ffff:192.0.2.1"),
        (b"0000:00:1f.2 12:34:56 std::string", b"0000:00:1f.2 12:34:56 std::string"),
        (b"nbd://nas.acme.example:10809/x server=ceph1", b"nbd://host1:10809/x server=host2"),
        (b"lists.debian.org db.acme.com", b"lists.debian.org host1"),
        (b"/var/lib/libvirt/images/acme.qcow2 acme.qcow2", b"/var/lib/libvirt/images/image1.qcow2 image1.qcow2"),
        (b"/home/ann/vm.img /home/bob/x", b"/home/user1/image1.img /home/user2/x"),
        (b"-name guest=acme7,debug-threads=on acme7", b"-name guest=guest1,debug-threads=on guest1"),
        (b'"-name","acme7" domain acme7', b'"-name","guest1" domain guest1'),
        (b"qemu\0-name\0acme7\0-m", b"qemu\0-name\0guest1\0-m"),
        (rb"machine-qemu\x2d3\x2dacme\x2d7.scope acme-7", rb"machine-qemu\x2d3\x2dguest1.scope guest1"),
        (
            b"/var/lib/libvirt/qemu/domain-3-acme-7/monitor.sock acme-7",
            b"/var/lib/libvirt/qemu/domain-3-guest1/monitor.sock guest1",
        ),
        (b"192.0.2.1 10.0.0.1", b"192.0.2.2 192.0.2.3"),
        (b"guest1 -name acme7", b"guest1 -name guest2"),
        (b"chardev socket,server=on,wait=off hpet=off", b"chardev socket,server=on,wait=off hpet=off"),
    ],
)
def test_names_and_addresses_become_placeholders(text: bytes, expected: bytes) -> None:
    assert aliased(text) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("acme", b"acme ACME Acme"),
        ("acme-webserver-01", b"acme-webserver-01 xacme-webserver-01x acme-webserver-0 acme-webserver-"),
        ("acme-webserver-01", rb"acme\x2dwebserver\x2d01"),
        ("acme web,7", b"acme web,7 acme web,,7 acme%20web%2C7 acme_web_7 acme\\040web,7"),
        ('a"cme', b'a"cme {"n":"a\\"cme"}'),
        (
            "B\u00fcro\u00dftra\u00dfe",
            "B\u00fcro\u00dftra\u00dfe B\\u00fcro\\u00dftra\\u00dfe B\\303\\274ro\\303\\237tra\\303\\237e".encode(),
        ),
    ],
)
def test_a_guests_name_is_replaced_in_every_form(name: str, text: bytes) -> None:
    out = aliased(text, guests=(name,))
    assert b"guest1" in out
    for trace in (b"acme", b"cme", b"web", b"tra"):
        assert trace not in out.lower()


@pytest.mark.parametrize("name", ["idle", "kvm", "100", "a", "", "7", "vm", "10.0.0.1"])
def test_a_name_that_tells_nothing_spoils_no_text(name: str) -> None:
    text = b"cpuidle idle kvm 100 a 7 CPU 0/KVM vm\n"
    assert aliased(text, guests=(name,)) == text
    assert Aliases([text], (name,), ()).guest(name) == "guest1"


def test_a_host_is_known_by_its_short_name_and_domain_too() -> None:
    out = aliased(b"kvm07.acme.corp kvm07 acme.corp nas.acme.corp", hosts=("kvm07.acme.corp",))
    assert out == b"host1 host2 host3 host4"


def test_the_same_everywhere() -> None:
    aliases = Aliases([b"10.0.0.7", b"10.0.0.8 10.0.0.7"], (), ())
    assert [aliases.apply(text) for text in (b"10.0.0.8", b"10.0.0.7", b"10.0.0.8")] == [
        b"192.0.2.1",
        b"192.0.2.2",
        b"192.0.2.1",
    ]


def test_there_is_a_placeholder_for_every_address() -> None:
    text = b" ".join(b"10.%d.%d.%d" % (n >> 16, n >> 8 & 255, n & 255) for n in range(140_000))
    assert len(set(aliased(text).split())) == 140_000


@given(st.binary(max_size=300), st.lists(st.text(max_size=30), max_size=3), st.lists(st.text(max_size=30), max_size=3))
def test_any_bytes_keep_their_lines(data: bytes, guests: list[str], hosts: list[str]) -> None:
    guests = [name for name in guests if "\n" not in name and "\0" not in name]
    hosts = [name for name in hosts if "\n" not in name and "\0" not in name]
    out = Aliases([data], guests, hosts).apply(data)
    assert (out.count(b"\n"), out.count(b"\0")) == (data.count(b"\n"), data.count(b"\0"))


@pytest.mark.parametrize(
    "text", [b"a" * 200_000, b"a." * 100_000, b"1:" * 100_000, b"1." * 100_000, b"-name x" * 20_000, b"\\" * 100_000]
)
def test_no_text_takes_for_ever(text: bytes) -> None:
    begin = time.process_time()
    aliased(text, guests=("x" * 4096, "acme-webserver-01"))
    assert time.process_time() - begin < 20


def test_many_hostile_names_do_not_take_for_ever() -> None:
    text = b"\n".join(b"-name hostile-guest-number-%d" % n for n in range(20_000))
    begin = time.process_time()
    aliased(text)
    assert time.process_time() - begin < 20
