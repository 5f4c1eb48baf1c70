"""vnc-load: somebody watches a screen that changes all the time."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign
from crazytrain.lab.props.viewer import SOCKET, Viewer

VNC_LOAD = LabGuest(
    name="vnc-load",
    summary="somebody watches the guest's screen over VNC, and it changes all the time",
    does=(
        "A boot sector that paints noise on its screen 18 times a second, and a VNC client of the lab that asks for "
        "the whole screen again and again, compressed (ZRLE), and reads it."
    ),
    family="main-loop-spin",
    cause="display-load",
    image=BootSector(source="screen-noise"),
    arguments=("-device", "VGA", "-vnc", f"unix:{{folder}}/{SOCKET}"),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=5),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="screen, up to 18.2 a second"),
    props=(Viewer(),),
)
