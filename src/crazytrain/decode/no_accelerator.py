"""COMMAND_LINE: pasted commands that start QEMU and name no accelerator: QEMU then emulates, unless it was built to do otherwise.

    qemu-system-riscv64 -machine virt -m 4G -nographic -kernel Image -drive file=rootfs.img

Source: QEMU's documentation of ``-accel`` (by default, ``tcg`` is used). Wrappers of distributions (``kvm``, ``qemu-kvm``) name KVM themselves.
"""

import re
from collections.abc import Iterable

from crazytrain.decode.command_words import commands_in
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning

_BINARY = re.compile(r"(?:\S*/)?qemu-system-(?P<arch>[a-z0-9_]{2,16})$")
_NAMED = re.compile(r"(?i)kvm|accel|hvf|whpx|nvmm|xen|haxm|tcg")
_CUT = re.compile(r"\.\.\.|…|<snip>|\[snip|\[\.")
# Systems of which hardware with virtualization is next to unknown, and boards and processors that no KVM runs.
_NEVER = re.compile(
    r"riscv|mips|m68k|sparc|alpha|sh4|xtensa|arm$|ppc$|or1k|microblaze|hppa|avr|tricore|rx$|cris|lm32|nios2|moxie|loongarch"
)
_BOARD = re.compile(
    r"(?i)\b(?:raspi\w*|versatile\w*|vexpress\S*|cortex-[amr]\d+\S*|malta|pc98|akita|cubieboard|sifive\S*|power9|arm1176|max)\b"
)
_LEAST_WORDS, _SHOWN = 4, 240
_SURE, _LIKELY = 1.0, 0.5


def decode_no_accelerator(evidence: Evidence) -> Iterable[object]:
    """Yield one ``ToolLine`` of the first such command; ``value`` is 1 where the guest's processor is none that KVM runs, else 0.5."""
    for command in commands_in(evidence.data.decode("utf-8", "backslashreplace").replace("\r", "")):
        words = " ".join(command.argv)
        binary = _BINARY.match(command.argv[0]) if command.argv else None
        if (
            binary is None
            or command.whole
            or len(command.argv) < _LEAST_WORDS
            or _NAMED.search(words)
            or _CUT.search(words)
        ):
            continue
        never = _NEVER.match(binary["arch"]) or (
            not binary["arch"].startswith(("x86", "i386")) and _BOARD.search(words)
        )
        yield ToolLine(
            meaning=ToolMeaning.NO_ACCELERATOR,
            text=words[:_SHOWN],
            ref=evidence.ref(command.line, command.last_line),
            value=_SURE if never else _LIKELY,
        )
        return
