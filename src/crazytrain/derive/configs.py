"""One guest's settings told in several places (a command line, parts of libvirt's XML), as one."""

import msgspec

from crazytrain.model.facts import Facts, QemuConfig
from crazytrain.model.guest import Accelerator

_UNKNOWN = ("", None, (), Accelerator.UNKNOWN)


def derive_configs(facts: Facts) -> QemuConfig | None:
    """Join them where they can be of one guest: what the fullest one does not say comes from the others.

    ``None`` with fewer than two, or where they name different guests: those are not to be mixed.
    """
    told = facts.all(QemuConfig)
    names = {config.name for config in told if config.name}
    if len(told) < 2 or len(names) > 1 or len({config.uuid for config in told if config.uuid}) > 1:
        return None
    fullest = max(told, key=_said)
    others = [config for config in told if config is not fullest]
    if sum(bool(config.binary) for config in told) > 1 and not names:
        return None  # two command lines without names may well be two guests
    filled = {
        name: next(
            (value for config in others if (value := getattr(config, name)) not in _UNKNOWN), getattr(fullest, name)
        )
        for name in QemuConfig.__struct_fields__
        if getattr(fullest, name) in _UNKNOWN
    }
    refs = tuple(dict.fromkeys(ref for config in (fullest, *others) for ref in config.refs))
    return msgspec.structs.replace(fullest, **{**filled, "refs": refs})


def _said(config: QemuConfig) -> int:
    return sum(getattr(config, name) not in _UNKNOWN for name in QemuConfig.__struct_fields__)
