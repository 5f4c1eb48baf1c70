"""Versions of QEMU, libvirt and kernels are read wherever they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.versions import MOST, decode_versions
from crazytrain.derive.versions import derive_versions
from crazytrain.model.evidence import Evidence, Kind, Outcome, Ref
from crazytrain.model.facts import Facts, HostFacts, QemuState
from crazytrain.model.facts.versions import Component, Versions, VersionTold

C = Component
REFS = (Ref("made", 1),)


def read(text: str) -> list[VersionTold]:
    return list(decode_versions(Evidence(id="x", kind=Kind.TEXT, source="x", data=text.encode())))


@pytest.mark.parametrize(
    ("text", "component", "number"),
    [
        ("QEMU emulator version 2.5.0 (Debian 1:2.5+dfsg-5ubuntu10)", C.QEMU, (2, 5)),
        ("we use qemu-kvm 1.5.3 here", C.QEMU, (1, 5)),
        ("with QEMU v5.0", C.QEMU, (5, 0)),
        ("libvirt 6.0.0", C.LIBVIRT, (6, 0)),
        ("Linux vm123 6.1.0-15-amd64 #1 SMP PREEMPT_DYNAMIC", C.KERNEL, (6, 1)),
        ("Linux version 3.10.0-957.el7.x86_64", C.KERNEL, (3, 10)),
        ("the host runs kernel 4.20", C.HOST_KERNEL, (4, 20)),
        ("host kernel 4.2.3", C.HOST_KERNEL, (4, 2)),
        ("the guest's kernel 2.6.32", C.GUEST_KERNEL, (2, 6)),
    ],
)
def test_a_version_is_read(text: str, component: Component, number: tuple[int, int]) -> None:
    assert [(one.component, one.number) for one in read(text)] == [(component, number)]


@pytest.mark.parametrize("text", ["10.0.2.15", "kernel of 5", "QEMU is slow", "version 1.2.3 of something"])
def test_other_numbers_are_no_versions(text: str) -> None:
    assert not read(text)


def test_what_is_measured_stands_before_what_is_told() -> None:
    state = QemuState(monitor=Outcome.OK, version=(7, 2, 1), refs=REFS)
    host = HostFacts(kernel="6.1.0-15-amd64", refs=REFS)
    found = derive_versions(Facts((*read("QEMU 7.2 and QEMU 5.0"), state, host)))
    assert isinstance(found, Versions)
    assert [(one.component, one.text) for one in found.known] == [
        (C.QEMU, "7.2.1"),
        (C.HOST_KERNEL, "6.1.0-15-amd64"),
        (C.QEMU, "5.0"),
    ]
    assert derive_versions(Facts()) is None


@given(st.text(max_size=3000))
def test_any_text_is_read(text: str) -> None:
    assert len(read(text)) <= MOST
