"""Who owns each port and page in this guest, and the exits with their owners named."""

import bisect
from collections.abc import Iterable, Sequence

import msgspec

from crazytrain.model.facts import Facts, KvmExits, MmioUse, PortUse
from crazytrain.model.facts.devices import AddressMap, Device, DeviceTree, Owners, Region
from crazytrain.model.ports import KNOWN_BY, port_owner

KNOWN_BY_TREE = "info mtree and info qtree of this guest"
NOBODY = "no device of this guest"
_PAGE_BYTES = 4096


def derive_owners(facts: Facts) -> Owners | None:
    """Name each region of the address map by the device that has it as a BAR or range; ``None`` without a map."""
    found, tree = facts.get(AddressMap), facts.get(DeviceTree)
    if found is None:
        return None
    devices = tree.devices if tree else ()
    return Owners(
        ports=_named(found.ports, [(region, device) for device in devices for region in device.ports]),
        memory=_named(found.memory, [(region, device) for device in devices for region in device.memory]),
        complete=found.complete,
        refs=(*found.refs, *(tree.refs if tree else ())),
    )


def _named(regions: Iterable[Region], ranges: Sequence[tuple[Region, Device]]) -> tuple[Region, ...]:
    """Sorted by where they begin; regions of a flat view never overlap. Of nested ranges the smallest tells the device."""
    ranges = sorted(ranges, key=lambda pair: pair[0].last - pair[0].first)
    return tuple(
        Region(region.first, region.last, _name(region, ranges)) for region in sorted(regions, key=lambda r: r.first)
    )


def _name(region: Region, ranges: Sequence[tuple[Region, Device]]) -> str:
    device = next((d for place, d in ranges if place.first <= region.first and region.last <= place.last), None)
    if device is None:
        return region.name
    return device.label if region.name == device.driver else f"{device.label} ({region.name})"


def derive_owned_exits(facts: Facts) -> KvmExits | None:
    """The exits again, each port and page with its owner in this guest; ``None`` where there is nothing to add.

    A port that the map does not know keeps what the table of fixed ports says, unless the map is complete: then no device
    answers there, and the guest reads ones.
    """
    exits, owners = facts.get(KvmExits), facts.get(Owners)
    if exits is None or owners is None or not (exits.ports or exits.mmio):
        return None
    return msgspec.structs.replace(
        exits,
        ports=tuple(_port(port, owners) for port in exits.ports),
        mmio=tuple(_page(page, owners) for page in exits.mmio),
    )


def region_at(regions: Sequence[Region], place: int) -> Region | None:
    """The region that holds this port or address; ``regions`` are sorted and do not overlap."""
    at = bisect.bisect_right(regions, place, key=lambda region: region.first) - 1
    return regions[at] if at >= 0 and place <= regions[at].last else None


def _port(use: PortUse, owners: Owners) -> PortUse:
    known, how = port_owner(use.port)
    region = region_at(owners.ports, use.port)
    if region is None:
        if not owners.complete:
            return use
        nobody = f"{NOBODY}; elsewhere {known}" if known and how == KNOWN_BY else NOBODY
        return msgspec.structs.replace(use, owner=nobody, owner_known_by=KNOWN_BY_TREE)
    # The table knows single registers of fixed devices; the tree knows which device was put into the PCI window.
    owner = known if known and how == KNOWN_BY else region.name
    return msgspec.structs.replace(use, owner=owner, owner_known_by=f"{KNOWN_BY_TREE}: {region.name}")


def _page(use: MmioUse, owners: Owners) -> MmioUse:
    first = bisect.bisect_left(owners.memory, use.page, key=lambda region: region.last)
    last = use.page + _PAGE_BYTES - 1
    names = [region.name for region in owners.memory[first : first + 3] if region.first <= last]
    if not names and not owners.memory:
        return use
    return msgspec.structs.replace(use, owner=", ".join(dict.fromkeys(names)) or f"{NOBODY}, or RAM")
