"""net-flood: the guest's network card gets far more packets than anybody asked for."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign
from crazytrain.lab.props.flood import PEER, SOCKET, Flood

SLOT = 4

NET_FLOOD = LabGuest(
    name="net-flood",
    summary="the guest's network card gets tens of thousands of packets a second; the guest itself sleeps",
    does=(
        "A boot sector that lets its e1000 card receive everything and sleeps, and a process of the lab that sends "
        "frames to the card's backend (a datagram socket in the guest's folder; no network of the host)."
    ),
    family="guest-busy",
    cause="guest-io-heavy",
    image=BootSector(source="net-sink", defines=(("SLOT", SLOT),)),
    arguments=(
        *(
            "-netdev",
            f"dgram,id=flood,local.type=unix,local.path={{folder}}/{SOCKET},remote.type=unix,remote.path={{folder}}/{PEER}",
        ),
        *("-device", f"e1000,netdev=flood,addr={SLOT:#x},romfile="),
    ),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=5),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="tick of the firmware's timer in which packets came"),
    props=(Flood(),),
)
