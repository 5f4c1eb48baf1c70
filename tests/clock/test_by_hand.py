"""Guests that are not libvirt's: told what to write where, and nothing done."""

import pytest

from crazytrain.model.errors import BadInput
from crazytrain.model.guest import Guest, Manager, ProcessId
from crazytrain.remedy.clock_by_hand import options, refuse_by_hand
from crazytrain.remedy.clock_keys import settings


def made(manager: Manager, *argv: str) -> Guest:
    return Guest(process=ProcessId(pid=1, start_ticks=1), name="web01", manager=manager, command_line=("qemu", *argv))


@pytest.mark.parametrize(
    ("argv", "words", "made"),
    [
        ("-cpu host", "kvmclock=off", ["-cpu host,kvmclock=off"]),
        ("-cpu host,-kvmclock,+x2apic", "kvmclock=on", ["-cpu host,+x2apic,kvmclock=on"]),
        ("-cpu host,kvmclock=off", "kvmclock=default", ["-cpu host"]),
        ("", "hypervclock=on", ["-cpu qemu64,hv-time=on"]),
        ("-cpu a -cpu b,hv_time", "hypervclock=off", ["-cpu b,hv-time=off"]),
        ("-cpu host", "hyperv-stimer=on", ["-cpu host,hv-vpindex=on,hv-synic=on,hv-time=on,hv-stimer=on"]),
        ("-cpu host,hv_vpindex,hv-synic=on,hv_time", "hyperv-stimer=on", ["-cpu host,hv_vpindex,hv-synic=on,hv_time,hv-stimer=on"]),
        ("-machine q35,accel=kvm,hpet=on", "hpet=off", ["-machine q35,accel=kvm,hpet=off"]),
        ("-M pc", "hpet=off", ["-machine pc,hpet=off"]),
        ("-rtc base=localtime,driftfix=slew", "rtc-tickpolicy=delay,clock-offset=utc,rtc-track=guest", ["-rtc driftfix=none,base=utc,clock=vm"]),
        ("", "pit-tickpolicy=discard", ["-global kvm-pit.lost_tick_policy=discard"]),
        ("", "pit-tickpolicy=catchup", []),
        ("-cpu host", "tsc-frequency=2600MHz", ["-cpu host,tsc-frequency=2600000000"]),
        ("-kernel k -append root=/dev/vda", "clocksource=tsc", ["-append 'root=/dev/vda clocksource=tsc'"]),
    ],
)  # fmt: skip
def test_the_options_are_whole(argv: str, words: str, made: list[str]) -> None:
    assert options(["qemu", *argv.split()], settings([words])) == made


def test_what_qemu_has_not_is_refused() -> None:
    with pytest.raises(BadInput, match="no setting for tsc-mode"):
        options(["qemu"], settings(["tsc-mode=native"]))


def test_plain_qemu_is_told_its_options() -> None:
    said = refuse_by_hand(made(Manager.PLAIN, "-cpu", "host"), settings(["kvmclock=off"]))
    assert "web01 is not libvirt's" in said.message
    assert "Nothing was changed" in said.message
    assert "On its command line: -cpu host,kvmclock=off" in said.hint
    assert "a reboot inside keeps the old command line" in said.hint


def test_proxmox_is_told_its_own_words() -> None:
    guest = made(Manager.PROXMOX, "-id", "100", "-cpu", "host,+kvm_pv_eoi")
    said = refuse_by_hand(guest, settings(["kvmclock=off,clock-offset=localtime"]), "100")
    assert "web01 is Proxmox's" in said.message
    assert said.hint.splitlines()[:2] == [
        "qm set 100 --localtime 1",
        "qm set 100 --args '-cpu host,+kvm_pv_eoi,kvmclock=off'",
    ]
    assert "--args" not in refuse_by_hand(guest, settings(["clock-offset=utc"]), "100").hint
