"""Text of QEMU and libvirt that was torn, cut and mixed: no crash, no hang."""

import random
import time

import pytest

from crazytrain.decode.recognise import split
from crazytrain.decode.registry import decoders_of
from crazytrain.model.errors import BadInput
from tests.decode.test_backtrace import DRAIN, VCPU, WANTS
from tests.decode.test_libvirt_pasted import DOMAIN, TABLES
from tests.decode.test_qemu_text import CODE, PRETTY, REGISTERS

STACK = (
    "# cat /proc/1/task/2/stack\n[<0>] futex_wait+0x60/0x90\n[<ffffffffa02b1fa3>] handle_pause+0x16/0x30 [kvm_intel]\n"
)
MONITOR = "(qemu) info status\nVM status: paused (io-error)\n(qemu) info irq\nIRQ statistics for ioapic:\n 8: 4711\nballoon: actual=5\n"
DISKS = "d1 (#block168): d.img (raw)\n    Cache mode: writeback\nd1: rd_bytes=1 wr_bytes=2 rd_operations=3\nType mirror, device d: Completed 1 of 2 bytes\n"
SAMPLES = [
    one.encode() for one in (DRAIN, VCPU, WANTS, DOMAIN, TABLES, REGISTERS + CODE, PRETTY, STACK, MONITOR, DISKS)
]
_LIMIT_S = 5.0


def torn(rolls: random.Random) -> bytes:
    """Pieces of samples: lines left out, doubled, mixed, with bytes changed."""
    lines = [line for sample in rolls.sample(SAMPLES, 3) for line in sample.split(b"\n")]
    begin = rolls.randrange(len(lines))
    text = bytearray(b"\n".join(rolls.choice((lines, rolls.sample(lines, len(lines))))[begin:]))
    for _ in range(rolls.choice((0, 1, 8, 40))):
        if text:
            text[rolls.randrange(len(text))] = rolls.choice(b" \n\r#<>()[]{}=:,'\"0aF\xff")
    return bytes(text[: rolls.choice((len(text), rolls.randrange(len(text) + 1)))])


@pytest.mark.parametrize("seed", range(8))
def test_torn_text_does_no_harm(seed: int) -> None:
    rolls = random.Random(seed)
    for _ in range(40):
        text = torn(rolls)
        try:
            regions = split("torn", text)
        except BadInput:
            continue
        for region in regions:
            for decode in decoders_of(region):
                try:
                    list(decode(region))
                except BadInput:
                    continue


@pytest.mark.parametrize(
    "piece",
    [
        b'{"return": ',
        b'{"return": {}}',
        b"<!--",
        b"<cpu mode='",
        b"#0  0x00007f442359f366 in f (",
        b"IRQ statistics for a:\n",
        b"[<0>] a+0x1/0x2\n",
        b"EAX=00000001 EBX=000f7c2c\n",
        b"d1: rd_bytes=1 wr_bytes=2\n",
        b"vcpu.0.exits.sum=1\n",
        b"FlatView #0\n",
        b"Thread 1 (LWP 1):\n#0  0x00007f442359f366 in f ()\n",
    ],
)
def test_a_mass_of_it_is_read_in_time(piece: bytes) -> None:
    """256 KiB of one thing; without line ends where it has none: one line may be long."""
    text = piece * ((256 << 10) // len(piece))
    began = time.process_time()
    for region in split("mass", text):
        for decode in decoders_of(region):
            list(decode(region))
    assert time.process_time() - began < _LIMIT_S
