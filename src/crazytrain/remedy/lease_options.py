"""A lease time by dnsmasq's own options, for a libvirt that knows none: one dhcp-host for all MACs of libvirt's usual prefix.

libvirt hands dnsmasq:options through unread (since 5.6), so a bad one would only show when the network no longer starts: what dnsmasq
would be started with is tested first. Only the persistent definition changes; a guest with a <host> of its own keeps the range's time.
"""

from crazytrain.host.door import Finished
from crazytrain.model.errors import BadInput, CrazytrainError, MissingTool
from crazytrain.model.evidence import Outcome
from crazytrain.model.lease_change import Edit, Place
from crazytrain.model.xml_element import XmlElement
from crazytrain.remedy.lease import STEP_TIMEOUT_S, Hands, trouble

_PREFIX = "dhcp-host=52:54:00:*:*:*,"
_OPTIONS, _OPTION = "dnsmasq:options", "dnsmasq:option"
_DECLARED, _NAMESPACE = "xmlns:dnsmasq", "http://libvirt.org/schemas/network/dnsmasq/1.0"
_LIMIT_BYTES = 4 << 20
_CONF = "/var/lib/libvirt/dnsmasq/{}.conf"


def option(seconds: int) -> str:
    """The option that sets a lease time; 0 is infinite.

    >>> option(86_400)
    'dhcp-host=52:54:00:*:*:*,24h'
    """
    if seconds == 0:
        return f"{_PREFIX}infinite"
    factor, unit = next((f, u) for f, u in ((3600, "h"), (60, "m"), (1, "s")) if seconds % f == 0)
    return f"{_PREFIX}{seconds // factor}{unit}"


def with_option(network: XmlElement, seconds: int | None) -> XmlElement:
    """A persistent definition with the option in the place of an older one; ``None`` takes it away.

    Raises:
        BadInput: the definition holds what we could not write back unchanged.
    """
    if network.first("metadata"):
        raise BadInput("this network has metadata of other programs, which must not get lost", "Use virsh net-edit.")
    there = network.first(_OPTIONS)
    others = tuple(one for one in there.inside if not one.get("value").startswith(_PREFIX)) if there else ()
    own = () if seconds is None else (XmlElement(name=_OPTION, attributes=(("value", option(seconds)),)),)
    bare = network.without(_OPTIONS)
    if not others and not own:
        return bare.without_attribute(_DECLARED)  # libvirt writes it only where it is used
    return bare.with_attribute(_DECLARED, _NAMESPACE).plus(XmlElement(name=_OPTIONS, inside=(*others, *own)))


def option_edits(before: XmlElement, after: XmlElement) -> tuple[Edit, ...]:
    """What changes, for people."""
    old, new = (found.written() if (found := one.first(_OPTIONS)) else "" for one in (before, after))
    return (Edit(places=(Place.CONFIG,), address=_OPTIONS, before=old, after=new),) if old != new else ()


async def check_option(hands: Hands, network: XmlElement) -> str:
    """Let dnsmasq read what it would be started with, and say in a sentence how that went.

    Raises:
        CrazytrainError: it would not start. MissingTool: there is no dnsmasq.
    """
    there = network.first(_OPTIONS)
    own = [one.get("value") for one in there.inside] if there else []
    try:
        conf = hands.host.read(_CONF.format(hands.network), _LIMIT_BYTES)
    except OSError:
        conf = b""  # not running, or not ours to read: then the option alone is tested
    lines = [line for line in conf.decode("utf-8", "replace").splitlines() if line not in own]
    text = "\n".join((*(line for line in lines if not line.startswith(_PREFIX)), *own, "")).encode()
    argv = ("dnsmasq", "--test", "--conf-file=-")
    done = await hands.host.run(argv, timeout_s=STEP_TIMEOUT_S, limit_bytes=_LIMIT_BYTES, stdin=text)
    if done.outcome is Outcome.NO_TOOL:
        raise MissingTool(
            "dnsmasq is not installed here, so its options cannot be tested", "Ask on the host of the network."
        )
    if done.status != 0:
        raise CrazytrainError(f"dnsmasq would not start with it: {_last(done)}", "Nothing was changed.")
    return f"dnsmasq --test accepts {'its configuration with these options' if conf else 'these options'}"


def _last(done: Finished) -> str:
    said = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
    return said[-1] if said else f"status {done.status}"


async def define(hands: Hands, network: XmlElement) -> None:
    """Give libvirt a persistent definition; it takes it wholly or not at all.

    Raises:
        NotAllowed, CrazytrainError: it does not.
    """
    await _virsh(hands, "net-define", "/dev/stdin", stdin=network.written().encode())


async def restarted(hands: Hands) -> None:
    """Stop and start the network. Guests on it are off the network afterwards.

    Raises:
        NotAllowed, CrazytrainError: it does not stop, or not start again.
    """
    await _virsh(hands, "net-destroy", hands.network)
    await _virsh(hands, "net-start", hands.network)


async def _virsh(hands: Hands, *words: str, stdin: bytes | None = None) -> None:
    argv = hands.argv(*words)
    done = await hands.host.run(argv, timeout_s=STEP_TIMEOUT_S, limit_bytes=_LIMIT_BYTES, stdin=stdin)
    if done.outcome is not Outcome.OK or done.status != 0:
        raise trouble(done, words[0])
