"""``python -I -m crazytrain.confined``: started by ``host.guest_child`` only."""

import sys

from crazytrain.confined.readers import PARTS
from crazytrain.confined.starting import run

run(sys.argv[1:], PARTS)
