"""IDENTITY: the version that a running QEMU's own program tells, without its monitor."""

from collections.abc import Iterator

import msgspec

from crazytrain.decode.versions import decode_versions
from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.versions import Component, VersionTold

_NAME = ":version"


def decode_program_version(evidence: Evidence) -> Iterator[VersionTold]:
    """Yield QEMU's version from the part ``/proc/PID/exe:version``, a string of the program; nothing from other bundles.

    ::

        QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)
    """
    for part in unpack(evidence.data):
        if part.outcome is Outcome.OK and part.name.endswith(_NAME):
            own = msgspec.structs.replace(evidence, data=part.data, first_line=evidence.first_line + part.line - 1)
            yield from (one for one in decode_versions(own) if one.component is Component.QEMU)
