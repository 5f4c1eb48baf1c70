"""Facts about the process that runs a guest."""

import msgspec

from crazytrain.model.evidence import Ref


class ProcessFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The process at the window's start. Empty or ``None`` is not known.

    ``program`` is the target of its ``exe`` link, ``replaced`` tells that the file has been deleted or upgraded since
    it was started. ``uptime_s`` is how long it runs. ``major_faults`` counts since its start; ``open_files_limit`` is
    the soft limit.
    """

    pid: int
    start_ticks: int
    comm: str = ""
    state: str = ""
    uptime_s: float | None = None
    boot_id: str = ""
    program: str = ""
    replaced: bool = False
    uid: int | None = None
    traced_by: int | None = None
    resident_bytes: int | None = None
    swapped_bytes: int | None = None
    major_faults: int | None = None
    cgroups: tuple[str, ...] = ()
    open_files_limit: int | None = None
    refs: tuple[Ref, ...] = ()
