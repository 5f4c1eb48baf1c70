"""What is left of a look's budget. All looks that go on at the same time share one purse."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from crazytrain.model.budget import Budget
from crazytrain.model.figures import span


class Purse:
    """Claims come first, spending after: what is refused is not begun.

    Args:
        budget: what there is.
        used_ns: CPU time that was used until now, by ourselves and by commands that have ended; it never falls.
        guests: how many are looked at with it.
    """

    def __init__(self, budget: Budget, used_ns: Callable[[], int], guests: int = 1) -> None:
        self.budget = budget
        self.guests = guests
        self._used_ns = used_ns
        self._began_ns = used_ns()
        self._reserved_ns = 0
        self._stalled_ns: defaultdict[int, int] = defaultdict(int)

    @property
    def cpu_ns(self) -> int:
        """CPU time that was used."""
        return self._used_ns() - self._began_ns

    @property
    def longest_stall_ns(self) -> int:
        """For how long that thread was stopped that was stopped longest."""
        return max(self._stalled_ns.values(), default=0)

    def claim_cpu(self, expected_ns: int) -> str:
        """Reserve CPU time, to be released when what it is for has ended; or say why there is none."""
        if self.cpu_ns + self._reserved_ns + expected_ns > self.budget.cpu_ns:
            return self._no_cpu(expected_ns)
        self._reserved_ns += expected_ns
        return ""

    def release_cpu(self, expected_ns: int) -> None:
        """Give a reservation back: what was really used is counted by itself."""
        self._reserved_ns -= expected_ns

    def cpu_refusal(self) -> str:
        """Why nothing more may be begun; empty while there is something left."""
        return self._no_cpu(0) if self.cpu_ns >= self.budget.cpu_ns else ""

    def _no_cpu(self, expected_ns: int) -> str:
        wants = f", it takes about {span(expected_ns)}" if expected_ns else ""
        spoken_for = f" and {span(self._reserved_ns)} are spoken for" if self._reserved_ns else ""
        used = f"{span(self.cpu_ns)} of {span(self.budget.cpu_ns)} of CPU time are used{spoken_for}"
        return f"left out to stay within the budget: {used}{wants} (--budget-cpu)"

    def claim_stall(self, tids: Sequence[int], longest_ns: int) -> str:
        """Claim that each of these threads may be stopped for so long at most; or say why they may not.

        Claim before the first thread is stopped, and tell what it really was with ``stalled``.
        """
        most_ns = max((self._stalled_ns[tid] for tid in tids), default=0)
        if most_ns + longest_ns > self.budget.stall_ns:
            allowed = f"a thread may be stopped for {span(self.budget.stall_ns)} in all"
            return f"left out to stay within the budget: {allowed}, it may take {span(longest_ns)} (--budget-stall)"
        for tid in tids:
            self._stalled_ns[tid] += longest_ns
        return ""

    def stalled(self, tids: Sequence[int], claimed_ns: int, really_ns: int) -> None:
        """Put what was measured (or estimated) in the place of what was claimed."""
        for tid in tids:
            self._stalled_ns[tid] += really_ns - claimed_ns
