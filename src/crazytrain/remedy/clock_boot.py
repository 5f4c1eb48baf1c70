"""The clocksource that a guest boots with, where its own GRUB decides it: a drop-in file of ours, and update-grub.

Done only where the guest's files show that it would work: Debian's grub-mkconfig reads /etc/default/grub.d (upstream's does not), and the
kernel that runs was started from the grub.cfg that update-grub writes. Elsewhere it is said what to do by hand.
"""

import re

import msgspec

from crazytrain.model.errors import CrazytrainError
from crazytrain.remedy.clock_keys import DEFAULT
from crazytrain.remedy.guest_hands import GuestHands

DROP_IN = "/etc/default/grub.d/zz-crazytrain-clocksource.cfg"
_CFG = "/boot/grub/grub.cfg"
_MKCONFIG = ("/usr/sbin/grub-mkconfig", "/usr/bin/grub-mkconfig")
_UPDATE = "/usr/sbin/update-grub"
_CFG_LIMIT_BYTES, _SCRIPT_LIMIT_BYTES = 4 << 20, 256 << 10
_UPDATE_S = 180.0
_LINUX = re.compile(r"^\s*linux(?:16|efi)?\s+(\S+)(.*)$", re.MULTILINE)
_IMAGE = re.compile(r"(?:^|\s)BOOT_IMAGE=(?:\([^)]*\))?(\S+)")
_ROOT = re.compile(r"(?:^|\s)root=\S+")
_OURS = "# Made by crazytrain clock --next-boot: its --undo takes this file away.\n"
# Where another loader decides it, and the commands for that.
_OTHERS = (
    ("/usr/sbin/grubby", "grubby --update-kernel=ALL --args=clocksource={}"),
    ("/etc/kernel/cmdline", "add clocksource={} to /etc/kernel/cmdline, then: kernel-install add $(uname -r) /boot/vmlinuz-$(uname -r)"),
    ("/etc/default/grub", "add clocksource={} to GRUB_CMDLINE_LINUX in /etc/default/grub, then: grub-mkconfig -o /boot/grub/grub.cfg"),
    ("/boot/extlinux.conf", "add clocksource={} to APPEND in /boot/extlinux.conf"),
)  # fmt: skip
_ANY = "add clocksource={} to its kernel's command line, in the configuration of its boot loader"


class BootPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The drop-in before and after (``None``: not there), and the command line that the kernel was booted with."""

    before: str | None
    after: str | None
    cmdline: str


async def boot_planned(hands: GuestHands, value: str) -> BootPlan:
    """What would be written into the guest.

    Raises:
        CrazytrainError: its files do not show that this would work; the hint says what to do by hand.
    """
    cmdline = (await hands.read("/proc/cmdline", 4096) or "").strip()
    why = await _why_not(hands, cmdline)
    if why:
        raise CrazytrainError(
            f"what this guest boots with cannot be changed from here: {why}", await _by_hand(hands, value)
        )
    after = None if value == DEFAULT else drop_in(value)
    return BootPlan(before=await hands.read(DROP_IN), after=after, cmdline=cmdline)


def drop_in(value: str) -> str:
    """The file: what stands last on the command line counts, and this is read last."""
    return f'{_OURS}GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT clocksource={value}"\n'


async def _why_not(hands: GuestHands, cmdline: str) -> str:
    """Why GRUB's drop-in would not work here; empty where it would."""
    image = _IMAGE.search(cmdline)
    if image is None:
        return "no GRUB started its kernel (no BOOT_IMAGE= on its command line)"
    scripts = [text for path in _MKCONFIG if (text := await hands.read(path, _SCRIPT_LIMIT_BYTES))]
    if not any("default/grub.d" in text for text in scripts):
        return "its grub-mkconfig does not read /etc/default/grub.d"
    if await hands.read(_UPDATE, 4096) is None:
        return f"it has no {_UPDATE}"
    started = image[1].rpartition("/")[2]
    if not any(found[1].endswith(started) for found in _LINUX.finditer(await hands.read(_CFG, _CFG_LIMIT_BYTES) or "")):
        return f"the kernel that runs ({started[:80]}) is not in {_CFG}"
    return ""


async def _by_hand(hands: GuestHands, value: str) -> str:
    word = "NAME" if value == DEFAULT else value
    for path, what in _OTHERS:
        if await hands.read(path, 4096) is not None:
            return f"By hand, in the guest: {what.format(word)}"
    return f"By hand, in the guest: {_ANY.format(word)}"


async def boot_changed(hands: GuestHands, before: str | None, after: str | None) -> str:
    """Write the drop-in (``None`` takes it away), run update-grub, look at what it made, and say that. What fails is taken back.

    Raises:
        CrazytrainError: it failed.
    """
    try:
        await _put(hands, after)
        return await _looked_at(hands, after)
    except CrazytrainError as error:
        await _put(hands, before)
        raise CrazytrainError(f"{error.message}; {DROP_IN} is as it was before", error.hint) from error


async def _put(hands: GuestHands, text: str | None) -> None:
    if text is None:
        await hands.remove(DROP_IN)
    else:
        await hands.write(DROP_IN, text)
    status, said = await hands.run(_UPDATE, timeout_s=_UPDATE_S)
    if status != 0:
        raise CrazytrainError(f"update-grub failed in the guest (status {status}): {said[-300:]}")


async def _looked_at(hands: GuestHands, text: str | None) -> str:
    """Say that grub.cfg's usual entries of the kernel that runs boot with what the drop-in says."""
    usual = await _usual(hands)
    if text is None:
        return f"update-grub made {_CFG} anew without the drop-in"
    wanted = text.rstrip('"\n').rpartition(" ")[2]
    last = [next((word for word in reversed(words) if word.startswith("clocksource=")), "") for words in usual]
    if not last or any(word != wanted for word in last):
        raise CrazytrainError(f"{_CFG} does not boot with {wanted}, though update-grub ran")
    return f"{_CFG}, made anew by update-grub, boots with {wanted} (entries of this kernel: {len(last)})"


async def _usual(hands: GuestHands) -> list[list[str]]:
    """The command lines of the entries for the kernel that runs, but for recovery; those of other systems on the disk are none of ours."""
    cmdline = await hands.read("/proc/cmdline", 4096) or ""
    image, root = _IMAGE.search(cmdline), _ROOT.search(cmdline)
    found: list[list[str]] = []
    for entry in _LINUX.finditer(await hands.read(_CFG, _CFG_LIMIT_BYTES) or ""):
        words = entry[2].split()
        ours = image and entry[1].endswith(image[1].rpartition("/")[2]) and (root is None or root[0].strip() in words)
        if ours and not {"single", "recovery"} & set(words):
            found.append(words)
    return found
