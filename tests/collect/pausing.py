"""Look at a guest with as many pauses as there may be, until killed: ``python -m tests.collect.pausing PID MAY_PAUSE_S``."""

import asyncio
import sys

from crazytrain.collect import discover
from crazytrain.collect.inside_sampling import Wish, sample_registers
from crazytrain.collect.look import Look
from crazytrain.decode.command_line import config_of
from crazytrain.host import LiveHost


async def main(pid: int, may_pause_s: float) -> None:
    host = LiveHost()
    (guest,) = [one for one in await discover.guests(host, config_of) if one.pid == pid]
    now = host.mono_ns()
    look = Look(host=host, guest=guest, start_ns=now, end_ns=now + 60 * 10**9, keep=lambda _: None)

    async def spot(_text: str, _mono_ns: int, stopped: bool) -> None:
        print("paused" if stopped else "live", flush=True)

    await sample_registers(look, spot, Wish(per_s=100, may_pause_ns=int(may_pause_s * 1e9)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
