"""Changes inside a guest: its kernel's clocksource, and what its GRUB boots with. The guest is a folder, its shell a real one in it."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from crazytrain.model.errors import BadInput, CrazytrainError
from crazytrain.remedy.clock_boot import DROP_IN, boot_changed, boot_planned
from crazytrain.remedy.clock_guest import AVAILABLE, CURRENT, Offered, check_offered, offered, switch
from tests.clock.folder_guest import FolderGuest
from tests.clock.grub_made import BOOTED, MKCONFIG, SETTINGS, UPDATE
from tests.support import skip_real


@pytest.fixture
def grub(tmp_path: Path) -> FolderGuest:
    busybox = shutil.which("busybox")
    if busybox is None or os.geteuid() != 0:
        skip_real("a shell in a folder of its own takes busybox-static and root")
    guest = FolderGuest(tmp_path)
    (tmp_path / "bin").mkdir()
    shutil.copy(busybox, tmp_path / "bin" / "busybox")
    for name in ("sh", "cat"):
        (tmp_path / "bin" / name).symlink_to("busybox")
    guest.put("/usr/sbin/grub-mkconfig", MKCONFIG, 0o755)
    guest.put("/usr/sbin/update-grub", UPDATE, 0o755)
    guest.put("/etc/default/grub", SETTINGS)
    (tmp_path / "etc/default/grub.d").mkdir()
    guest.put("/boot/grub/grub.cfg", "")
    asyncio.run(guest.run("/usr/sbin/update-grub"))
    return guest


def test_what_it_offers_and_a_switch(tmp_path: Path) -> None:
    guest = FolderGuest(tmp_path)
    assert asyncio.run(offered(guest)) == Offered(current="tsc", available=("tsc", "hpet", "acpi_pm"))
    assert asyncio.run(switch(guest, "hpet")) == f"the guest's {CURRENT} says hpet"
    assert guest.has(CURRENT) == "hpet\n"


def test_a_kernel_that_does_not_take_it_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(CrazytrainError, match="did not take hpet: it uses tsc"):
        asyncio.run(switch(FolderGuest(tmp_path, takes=False), "hpet"))


def test_what_it_has_not_is_refused_with_what_it_has() -> None:
    there = Offered(current="tsc", available=("tsc", "acpi_pm"))
    for wanted, hint in (
        ("kvm-clock", "never is there"),
        ("hpet", "--set hpet=on"),
        ("jiffies", "tsc, acpi_pm (now tsc)"),
    ):
        with pytest.raises(BadInput, match="no clocksource") as caught:
            check_offered(there, wanted)
        assert hint in caught.value.hint


def test_a_guest_without_these_files_is_no_linux(tmp_path: Path) -> None:
    guest = FolderGuest(tmp_path)
    asyncio.run(guest.remove(CURRENT))
    with pytest.raises(BadInput, match="no Linux") as caught:
        asyncio.run(offered(guest))
    assert "hypervclock=on" in caught.value.hint


def test_names_that_the_guest_makes_up_are_no_names(tmp_path: Path) -> None:
    guest = FolderGuest(tmp_path)
    guest.put(CURRENT, "\x1b[31mtsc\n")
    guest.put(AVAILABLE, "tsc $(reboot) \x1b[0m " + "a" * 100 + " b" * 100)
    there = asyncio.run(offered(guest))
    assert there.current == ""
    assert there.available[:2] == ("tsc", "b")
    assert len(there.available) <= 32


def test_a_drop_in_decides_what_grub_boots_with(grub: FolderGuest) -> None:
    before = grub.has("/boot/grub/grub.cfg")
    plan = asyncio.run(boot_planned(grub, "acpi_pm"))
    assert (plan.before, plan.cmdline, grub.has(DROP_IN)) == (None, BOOTED.strip(), None)
    said = asyncio.run(boot_changed(grub, plan.before, plan.after))
    assert "boots with clocksource=acpi_pm (entries of this kernel: 1)" in said
    assert "quiet clocksource=hpet clocksource=acpi_pm\n" in str(grub.has("/boot/grub/grub.cfg"))
    again = asyncio.run(boot_planned(grub, "tsc"))
    assert again.before == plan.after
    asyncio.run(boot_changed(grub, again.before, again.after))
    asyncio.run(boot_changed(grub, again.after, again.before))
    assert grub.has(DROP_IN) == plan.after
    asyncio.run(boot_changed(grub, plan.after, plan.before))
    assert (grub.has(DROP_IN), grub.has("/boot/grub/grub.cfg")) == (None, before)
    assert asyncio.run(boot_planned(grub, "default")).after is None


def test_where_it_does_not_come_to_boot_it_is_taken_back(grub: FolderGuest) -> None:
    before = grub.has("/boot/grub/grub.cfg")
    grub.put("/etc/default/grub.d/zzz-later.cfg", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet clocksource=hpet"\n')
    with pytest.raises(CrazytrainError, match=r"does not boot with clocksource=tsc.*is as it was before"):
        asyncio.run(boot_changed(grub, None, asyncio.run(boot_planned(grub, "tsc")).after))
    assert (grub.has(DROP_IN), grub.has("/boot/grub/grub.cfg")) == (None, before)


def test_an_update_grub_that_fails_is_said(grub: FolderGuest) -> None:
    plan = asyncio.run(boot_planned(grub, "tsc"))
    grub.put("/usr/sbin/update-grub", "#!/bin/sh\necho no space left\nexit 3\n", 0o755)
    with pytest.raises(CrazytrainError, match=r"update-grub failed in the guest \(status 3\): no space left"):
        asyncio.run(boot_changed(grub, plan.before, plan.after))
    assert grub.has(DROP_IN) is None


def without_boot_image(guest: FolderGuest) -> None:
    guest.put("/proc/cmdline", "console=ttyS0\n")


def with_upstream_grub(guest: FolderGuest) -> None:
    guest.put("/usr/sbin/grub-mkconfig", ". /etc/default/grub\n")


def with_grubby(guest: FolderGuest) -> None:
    (guest.root / "usr/sbin/update-grub").unlink()
    guest.put("/usr/sbin/grubby", "#!/bin/sh\n")


def with_another_kernel(guest: FolderGuest) -> None:
    guest.put("/proc/cmdline", BOOTED.replace("6.1.0", "5.10.0"))


def with_systemd_boot(guest: FolderGuest) -> None:
    without_boot_image(guest)
    guest.put("/etc/kernel/cmdline", "quiet\n")


@pytest.mark.parametrize(
    ("brought", "says", "hint"),
    [
        (without_boot_image, "no GRUB started its kernel", "GRUB_CMDLINE_LINUX in /etc/default/grub"),
        (with_upstream_grub, "does not read /etc/default/grub.d", "grub-mkconfig -o /boot/grub/grub.cfg"),
        (with_grubby, "it has no /usr/sbin/update-grub", "grubby --update-kernel=ALL --args=clocksource=tsc"),
        (with_another_kernel, r"the kernel that runs \(vmlinuz-5.10.0\) is not in /boot/grub/grub.cfg", "By hand"),
        (with_systemd_boot, "no GRUB started its kernel", "add clocksource=tsc to /etc/kernel/cmdline"),
    ],
)
def test_where_files_do_not_show_that_it_works_it_is_said_what_to_do(
    grub: FolderGuest, brought: Callable[[FolderGuest], None], says: str, hint: str
) -> None:
    brought(grub)
    with pytest.raises(CrazytrainError, match=says) as caught:
        asyncio.run(boot_planned(grub, "tsc"))
    assert hint in caught.value.hint
    assert grub.has(DROP_IN) is None
