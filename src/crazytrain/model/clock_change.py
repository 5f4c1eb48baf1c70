"""A change of a guest's clock: where it is made, the record by which it can be undone, and what is said of it."""

from enum import StrEnum

import msgspec

SCHEMA_VERSION = 1


class Site(StrEnum):
    """Where a setting is: in the guest's running kernel, in what the guest boots with, or in libvirt's persistent definition."""

    INSIDE = "inside"
    BOOT = "boot"
    DEFINITION = "definition"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """``KEY=VALUE`` as it was asked for and checked. ``default`` as value: nothing is set, libvirt or QEMU decides."""

    key: str
    value: str

    @property
    def typed(self) -> str:
        """As one types it behind ``--set``."""
        return f"{self.key}={self.value}"


class ClockRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was begun: enough to bring the old state back, and to see whether others changed the same since.

    ``before`` and ``after`` are the name of a clocksource (``inside``), the content of a file of the guest (``boot``, where ``file`` names it;
    ``None``: it was not there), or the whole persistent XML (``definition``). ``run`` tells the run of the guest that an ``inside`` change was
    made in, and ends with (see ``Running``). ``finished`` is false while it is under way, and stays so
    where it was cut off.
    """

    id: str
    site: Site
    guest: str
    key: str  # what tells the guest apart: its uuid, or else its name
    uri: str
    wall_ns: int
    asked: str
    before: str | None
    after: str | None
    file: str = ""
    run: str = ""
    finished: bool = False
    undone: bool = False
    format: int = 1


class Running(msgspec.Struct, frozen=True):
    """One run of a guest: its QEMU, and its kernel's boot as that tells it (empty where it does not)."""

    process: str
    boot: str = ""

    @property
    def written(self) -> str:
        """As it stands in a record."""
        return f"{self.process} {self.boot}"

    def may_be(self, run: str) -> bool:
        """Whether a record's run may be this one, as far as the process tells."""
        return run.partition(" ")[0] == self.process


class WordsView(msgspec.Struct, frozen=True, kw_only=True):
    """What goes from and comes to QEMU's command line. ``whole`` is the new one; empty where libvirt did not tell it."""

    gone: tuple[str, ...]
    new: tuple[str, ...]
    whole: str


class ClockChange(msgspec.Struct, frozen=True, kw_only=True):
    """What ``crazytrain clock GUEST --set ... --json`` prints.

    ``undoes``: it goes back to what was before another change. ``diff`` are the lines of a unified diff, none where all is so already.
    ``qemu`` is ``null`` where the change is none of QEMU's command line, or libvirt did not tell it. ``record`` is what ``--undo`` goes
    back by, empty in a dry run. ``case`` is the folder of a look at the guest just before, empty where none was taken: in a dry run, and of a guest
    that is off. ``verified`` says what was looked at afterwards.
    """

    guest: str
    asked: str
    site: Site
    diff: tuple[str, ...]
    qemu: WordsView | None
    commands: tuple[str, ...]
    takes_effect: str
    dry_run: bool
    done: bool
    undoes: bool
    record: str
    case: str = ""
    verified: tuple[str, ...]
    notes: tuple[str, ...]
    schema_version: int = SCHEMA_VERSION
