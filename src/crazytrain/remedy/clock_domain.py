"""libvirt's definition of a guest: looked at, tried out as a command line of QEMU, and replaced as a whole."""

import shlex
from collections import Counter
from collections.abc import Iterator

import msgspec

from crazytrain.host.door import Finished, Host
from crazytrain.model.clock_change import WordsView
from crazytrain.model.errors import CrazytrainError, MissingTool, NoSuchGuest, NotAllowed
from crazytrain.model.evidence import Outcome

TIMEOUT_S = 30.0
_LIMIT_BYTES = 16 << 20
_REFUSED = (
    "permission denied",
    "access denied",
    "authentication",
    "not authorized",
    "read only",
    "read-only",
    "operation forbidden",
)
_NO_DAEMON = "Does libvirtd (or virtqemud) run? systemctl status libvirtd virtqemud"
_RIGHTS = "Ask as root, or as a member of the group libvirt. A connection that only reads cannot change anything."
_STDIN = "/dev/stdin"


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """What libvirt tells of a domain. ``kept`` is the persistent XML with its secrets, empty where it is transient; ``live`` that of what runs."""

    name: str
    uuid: str
    state: str
    persistent: bool
    managed_save: bool
    kept: str
    live: str
    job: str
    snapshots: tuple[str, ...]

    @property
    def active(self) -> bool:
        """Whether a QEMU is there for it."""
        return self.state not in ("shut off", "crashed", "no state", "")


class Virsh(msgspec.Struct, frozen=True, kw_only=True):
    """A virsh that may write. ``domain``: name or uuid."""

    host: Host
    uri: str
    domain: str

    async def ask(self, *words: str, stdin: bytes | None = None) -> Finished:
        """Run one command; whatever comes of it."""
        argv = ("virsh", "-q", "-c", self.uri, *words)
        return await self.host.run(argv, timeout_s=TIMEOUT_S, limit_bytes=_LIMIT_BYTES, stdin=stdin)

    async def said(self, *words: str, stdin: bytes | None = None) -> str:
        """What a command prints.

        Raises:
            MissingTool, NotAllowed, NoSuchGuest, CrazytrainError: see ``trouble``.
        """
        done = await self.ask(*words, stdin=stdin)
        if done.outcome is not Outcome.OK or done.status != 0:
            raise trouble(done, words[0], self.uri)
        try:
            return done.stdout.decode()
        except UnicodeDecodeError as error:
            raise CrazytrainError(f"what virsh {words[0]} printed is no UTF-8: {error}") from error


def complaint(done: Finished) -> str:
    """What virsh complained about, on one line."""
    lines = done.stderr.decode("utf-8", "backslashreplace").splitlines()
    said = "; ".join(line.removeprefix("error: ").strip() for line in lines if line.strip())
    return said or done.detail or f"status {done.status}"


def trouble(done: Finished, what: str, uri: str) -> CrazytrainError:
    """What virsh's failure means for who asked."""
    said = complaint(done)
    low = said.lower()
    if done.outcome is Outcome.NO_TOOL:
        return MissingTool(
            "virsh is not installed: a definition of libvirt is changed through it",
            "Debian: apt install libvirt-clients",
        )
    if done.outcome is Outcome.TIMED_OUT:
        return CrazytrainError(f"libvirt ({uri}) did not answer within {TIMEOUT_S:g} s ({what})", _NO_DAEMON)
    if any(word in low for word in _REFUSED):
        return NotAllowed(f"libvirt ({uri}) does not let this user change guests: {said}", _RIGHTS)
    if "failed to get domain" in low or "domain not found" in low:
        return NoSuchGuest(
            f"libvirt ({uri}) has no such guest: {said}", f"virsh -c {uri} list --all shows those it has."
        )
    if "failed to connect" in low:
        return CrazytrainError(f"libvirt ({uri}) does not answer: {said}", _NO_DAEMON)
    return CrazytrainError(f"virsh {what} failed: {said}", "Nothing was changed.")


async def domain_seen(virsh: Virsh) -> Domain:
    """Look at a domain.

    Raises:
        MissingTool, NotAllowed, NoSuchGuest, CrazytrainError: see ``trouble``.
    """
    info = dict(_pairs(await virsh.said("dominfo", "--", virsh.domain)))
    persistent, state = info.get("Persistent") == "yes", info.get("State", "")
    active = state not in ("shut off", "crashed", "")
    return Domain(
        name=info.get("Name", virsh.domain),
        uuid=info.get("UUID", ""),
        state=state,
        persistent=persistent,
        managed_save=info.get("Managed save") == "yes",
        kept=await kept_xml(virsh) if persistent else "",
        live=await virsh.said("dumpxml", "--", virsh.domain) if active else "",
        job=await _job(virsh) if active else "",
        snapshots=await _snapshots(virsh),
    )


async def kept_xml(virsh: Virsh) -> str:
    """The persistent XML with its secrets, which a definition without them would lose. Raises as ``Virsh.said`` does."""
    return await virsh.said("dumpxml", "--inactive", "--security-info", "--", virsh.domain)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip(), value.strip()


async def _job(virsh: Virsh) -> str:
    """What libvirt does with it at this moment (snapshot, migration, backup); empty where nothing, or that is not told."""
    done = await virsh.ask("domjobinfo", "--", virsh.domain)
    told = dict(_pairs(done.stdout.decode("utf-8", "replace"))) if done.status == 0 else {}
    kind = told.get("Job type", "None")
    return "" if kind in ("None", "Completed", "Failed", "Cancelled") else told.get("Operation", "") or kind


async def _snapshots(virsh: Virsh) -> tuple[str, ...]:
    done = await virsh.ask("snapshot-list", "--name", "--", virsh.domain)
    return tuple(done.stdout.decode("utf-8", "replace").split("\n")) if done.status == 0 and done.stdout.strip() else ()


class Native(msgspec.Struct, frozen=True, kw_only=True):
    """A command line of QEMU as libvirt would make it, in words; or why it would make none."""

    words: tuple[str, ...] = ()
    refused: str = ""


async def native(virsh: Virsh, xml: str) -> Native:
    """What libvirt would start with a definition; it checks the whole of it on the way. Raises where libvirt does not answer at all."""
    done = await virsh.ask("domxml-to-native", "qemu-argv", "--xml", _STDIN, stdin=xml.encode())
    if done.outcome is not Outcome.OK:
        raise trouble(done, "domxml-to-native", virsh.uri)
    if done.status != 0:
        return Native(refused=complaint(done))
    try:
        words = shlex.split(done.stdout.decode("utf-8", "backslashreplace"))
    except ValueError as error:
        return Native(refused=f"its command line cannot be read: {error}")
    at = next((number for number, word in enumerate(words) if "=" not in word.split("/", 1)[0]), 0)
    return Native(words=tuple(words[at:]))  # the first ones are its environment


def words_between(before: Native, after: Native) -> WordsView | None:
    """What differs between two command lines; ``None`` where one is not known."""
    if before.refused or after.refused:
        return None
    old, new = Counter(_options(before.words)), Counter(_options(after.words))
    return WordsView(
        gone=tuple((old - new).elements()), new=tuple((new - old).elements()), whole=shlex.join(after.words)
    )


def _options(words: tuple[str, ...]) -> Iterator[str]:
    """Options with what belongs to them: ``-cpu qemu64``."""
    group: list[str] = []
    for word in words:
        if word.startswith("-") and group:
            yield " ".join(group)
            group = []
        group.append(word)
    if group:
        yield " ".join(group)


async def define(virsh: Virsh, xml: str) -> None:
    """Put a definition in the place of the one that is there: libvirt checks it, and does it wholly or not at all.

    Raises:
        NotAllowed, CrazytrainError: it did not.
    """
    await virsh.said("define", "--validate", _STDIN, stdin=xml.encode())
