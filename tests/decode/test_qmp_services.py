"""What QEMU does beside running the guest, as 7.2 tells it, and what hostile answers come to."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.qmp_services import decode_qmp_services
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts import services as s

NOON_NS = 1_795_435_200 * 10**9  # 2026-11-23 12:00:00 UTC
NOON = {"tm_year": 126, "tm_mon": 10, "tm_mday": 23, "tm_hour": 12, "tm_min": 0, "tm_sec": 0}
RTC = {"execute": "qom-get", "arguments": {"path": "/machine", "property": "rtc-time"}}


def facts(*lines: dict[str, object], wall_ns: int = NOON_NS) -> list[object]:
    data = b"".join(json.dumps({"mono_ns": 5 * 10**9, **line}).encode() + b"\n" for line in lines)
    return list(
        decode_qmp_services(
            Evidence(id="qmp.0", kind=Kind.QMP, source="QMP", data=data, mono_ns=3 * 10**9, wall_ns=wall_ns)
        )
    )


def one(execute: str, said: object) -> Any:
    (found,) = facts({"execute": execute, "return": said})
    return found


def test_a_migration_under_way() -> None:
    ram = {"remaining": 1, "total": 4, "transferred": 3, "dirty-pages-rate": 77, "mbps": 800.5}
    seen = one("query-migrate", {"status": "active", "ram": ram})
    assert (seen.status, seen.remaining_bytes, seen.total_bytes, seen.transferred_bytes) == ("active", 1, 4, 3)
    assert (seen.dirty_pages_per_s, seen.bits_per_s) == (77, 800.5e6)


def test_no_migration_ever() -> None:
    assert one("query-migrate", {}).status == ""


def test_balloon_chardevs_and_iothreads() -> None:
    assert one("query-balloon", {"actual": 1 << 30}).actual_bytes == 1 << 30
    chardev = {"frontend-open": False, "filename": "disconnected:unix:/x", "label": "ga"}
    assert one("query-chardev", [chardev]).chardevs == (
        s.ChardevState(label="ga", filename="disconnected:unix:/x", open=False),
    )
    iothread = {"poll-max-ns": 32768, "thread-id": 9, "id": "io1", "aio-max-batch": 0}
    assert one("query-iothreads", [iothread]).iothreads == (s.IothreadSetting(id="io1", tid=9, poll_max_ns=32768),)
    assert one("query-iothreads", []).iothreads == ()


def test_screens() -> None:
    vnc = {"id": "default", "clients": [{"host": "1.2.3.4"}, {"host": "::1"}], "server": []}
    spice = {"enabled": True, "channels": [{}, {}, {}]}
    (seen,) = facts({"execute": "query-vnc-servers", "return": [vnc]}, {"execute": "query-spice", "return": spice})
    assert isinstance(seen, s.Displays)
    assert (seen.clients, seen.asked) == (3, ("VNC", "SPICE"))
    assert [(d.kind, d.clients) for d in seen.displays] == [("VNC", 2), ("SPICE", 1)]


def test_a_screen_that_nobody_watches_is_known_not_to_be_watched() -> None:
    off = {"enabled": False, "mouse-mode": "client"}
    (seen,) = facts({"execute": "query-vnc-servers", "return": []}, {"execute": "query-spice", "return": off})
    assert isinstance(seen, s.Displays)
    assert (seen.clients, seen.asked) == (0, ("VNC", "SPICE"))


@pytest.mark.parametrize(("tm_hour", "ahead_s"), [(12, -1.5), (13, 3598.5), (11, -3601.5)])
def test_the_rtc_against_the_hosts_clock(tm_hour: int, ahead_s: float) -> None:
    (seen,) = facts({**RTC, "return": {**NOON, "tm_hour": tm_hour}})
    assert isinstance(seen, s.RtcReading)
    assert seen.ahead_s == pytest.approx(ahead_s)


@pytest.mark.parametrize("odd", [{"tm_mon": 99}, {"tm_year": 10**9}, {"tm_mday": "x"}])
def test_a_guest_may_write_no_date_into_its_clock(odd: dict[str, object]) -> None:
    assert facts({**RTC, "return": {**NOON, **odd}}) == []


def test_without_the_hosts_time_there_is_nothing_to_compare() -> None:
    assert facts({**RTC, "return": NOON}, wall_ns=0) == []


def test_network() -> None:
    text = (
        "virtio-net-pci.0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:56\r\n"
        " \\ n1: index=0,type=tap,ifname=tap0,script=no,vhost=on\r\n"
    )
    arguments = {"command-line": "info network"}
    (seen,) = facts({"execute": "human-monitor-command", "arguments": arguments, "return": text})
    assert isinstance(seen, s.Network)
    assert [(b.name, b.kind, b.vhost) for b in seen.backends] == [
        ("virtio-net-pci.0", "nic", False),
        ("n1", "tap", True),
    ]


def test_events() -> None:
    stamp = {"seconds": 1_795_435_200, "microseconds": 5}
    lines: list[dict[str, object]] = [
        {"event": "RESET", "data": {"guest": True}, "timestamp": stamp},
        {"event": "STOP"},
    ]
    first, second = facts(*lines)
    assert isinstance(first, s.QemuEvent)
    assert (first.name, first.wall_ns, first.says) == ("RESET", NOON_NS + 5000, '{"guest":true}'.replace(":", ": "))
    assert isinstance(second, s.QemuEvent)
    assert (second.name, second.wall_ns, second.says) == ("STOP", 0, "")
    assert str(first.ref) == "qmp.0:1"


@pytest.mark.parametrize("said", [7, [7], "x", None, {"status": 7}, [{"id": 7}]])
@pytest.mark.parametrize("execute", ["query-migrate", "query-balloon", "query-chardev", "query-iothreads"])
def test_another_form_is_passed_over(execute: str, said: object) -> None:
    assert facts({"execute": execute, "return": said}) == []


@given(st.binary(max_size=2000))
def test_any_bytes(data: bytes) -> None:
    list(decode_qmp_services(Evidence(id="qmp.0", kind=Kind.QMP, source="QMP", data=data, wall_ns=1)))
