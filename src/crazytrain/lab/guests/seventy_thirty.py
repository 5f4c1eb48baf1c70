"""seventy-thirty: a process whose time goes to two known kernel paths, in shares that it measures itself."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign

SHARES = r"shares (\d+) (\d+)\r?\n"
"""Milliseconds that each path took so far: reading /dev/zero, and getrandom."""
CLEARS = (
    *("rep_stos_alternative", "clear_user_rep_good", "clear_user_erms", "clear_user_original", "__clear_user"),
    "read_iter_zero",
)
"""The kernel functions of the first path, newest first: 6.4, 6.1, before. Nearly all of the rest is the second's."""

SEVENTY_THIRTY = LabGuest(
    name="seventy-thirty",
    summary="one process keeps its CPU in the kernel: 70 % of it clears pages, 30 % makes random numbers",
    does=(
        "Linux with a process that reads /dev/zero or calls getrandom, whichever is behind its share of the time by "
        "the guest's clock, and prints the shares each second."
    ),
    family="guest-busy",
    cause="guest-kernel-busy",
    image=Linux(answers=True, programs=("seventy-thirty",), script="\necho READY\nexec seventy-thirty\n"),
    ready=Sign(file=CONSOLE, pattern=SHARES),
    progress=Counted(file=CONSOLE, pattern=r"shares (\d+) \d+\r?\n", unit="ms on the first path, told each second"),
)
