"""crazytrain: a flight recorder and diagnostician for runaway and hung KVM/QEMU guests."""

__version__ = "0.1.0"
