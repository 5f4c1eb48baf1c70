"""``crazytrain guests``: who runs here, and who burns."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crazytrain.model.overview import GuestOverview


def guests(
    seconds: Annotated[float, typer.Option("--for", min=0.2, max=60, help="How long to measure, in seconds.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the guests of this host: name, pid, uptime, accelerator, vCPUs, and who of each guest burns CPU.

    Found by /proc alone; the monitor and libvirt are asked beside that, each with its own timeout, so that a guest that
    hangs delays no other. Shares are of one CPU.
    """
    from crazytrain.cli import looking, screen

    rows = looking.overview(seconds)
    if as_json:
        screen.json(rows)
    else:
        _show(rows)


_TITLES = ("guest", "pid", "up", "accel", "vCPUs", "state", "CPU", "vCPU", "main", "iothread", "vhost", "kvm", "other")
_LEFT = (0, 3, 5)


def _show(rows: "tuple[GuestOverview, ...]") -> None:
    from crazytrain.report.escape import plain

    if not rows:
        print("no QEMU guest runs on this host, or none that this user may see: crazytrain doctor")
        return
    table = (_TITLES, *(_cells(row) for row in rows))
    widths = [max(len(line[column]) for line in table) for column in range(len(_TITLES))]
    for line in table:
        cells = (c.ljust(w) if n in _LEFT else c.rjust(w) for n, (c, w) in enumerate(zip(line, widths, strict=True)))
        print("  ".join(cells).rstrip())
    for row in rows:
        for said in (row.detail, row.note):
            if said:
                print(f"  {plain(row.guest.name, 60) or row.guest.pid}: {plain(said)}")


def _cells(row: "GuestOverview") -> tuple[str, ...]:
    from crazytrain.model.figures import share, span
    from crazytrain.report.escape import plain

    guest, split = row.guest, row.split
    shares = (
        ()
        if split is None
        else (
            *(split.cpu_ratio, split.vcpu_ratio, split.main_loop_ratio, split.iothread_ratio),
            *(split.vhost_ratio, split.kvm_ratio, split.other_ratio),
        )
    )
    return (
        plain(guest.name, 60) or "(unnamed)",
        str(guest.pid),
        span(row.uptime_s * 1e9) if row.uptime_s is not None else "?",
        guest.accelerator.value,
        "?" if guest.vcpus is None else str(guest.vcpus),
        plain(row.status or "?", 30),
        *(tuple(share(s) for s in shares) or ("?",) * 7),
    )
