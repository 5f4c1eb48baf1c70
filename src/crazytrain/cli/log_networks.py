"""Which libvirt network an interface of this host is of: dnsmasq's files, which libvirt writes, say so."""

import re
from collections.abc import Mapping
from pathlib import Path

_FOLDER = Path("/var/lib/libvirt/dnsmasq")
_INTERFACE = re.compile(r"^interface=([\w.@:-]{1,15})$", re.MULTILINE)
_LIMIT_BYTES = 64 << 10
_MOST = 256


def networks_here(folder: Path = _FOLDER) -> Mapping[str, str]:
    """The network of each bridge; empty where there is no libvirt, or where it may not be read."""
    found: dict[str, str] = {}
    try:
        for path in sorted(folder.glob("*.conf"))[:_MOST]:
            with path.open("rb") as file:
                text = file.read(_LIMIT_BYTES).decode("utf-8", "replace")
            found.update(dict.fromkeys(_INTERFACE.findall(text), path.stem))
    except OSError:
        return found
    return found
