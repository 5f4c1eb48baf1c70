"""Call trees as perf's own screen shows them: functions that stand only in the tree below a row, with their share of all samples.

    -   98.36%     0.00%  CPU 0/KVM  [kernel.kallsyms]  [k] entry_SYSCALL_64_after_hwframe
       - entry_SYSCALL_64_after_hwframe
          - 98.36% do_syscall_64
             + 61.20% vmx_handle_exit
               22.30% vmx_vcpu_run

``--stdio`` writes ``--61.20%--vmx_handle_exit``. Manual: perf-report(1), ``--children``: with its two columns of shares, what stands
below a function is what that called. A branch with a + is folded: what is below it is not shown.
"""

import re
from collections.abc import Iterator, Sequence

from crazytrain.model.facts.profile_table import ProfileRow

NODE = re.compile(
    r"[\s|]*(?P<mark>[+-]\s+|-{2}(?=\d{1,3}[.,]\d{1,2}%--)|-{3})?(?:(?P<part>\d{1,3}[.,]\d{1,2})%(?:--\s*|\s+))?(?P<name>[A-Za-z_][\w.:~<>*@-]{1,120})\s*$"
)
_ENTRY = re.compile(r"entry_SYSCALL|do_syscall_64|system_call_fastpath|asm_(?:sysvec|exc)_|ret_from_fork|el0t_64_sync")
_MOST_NODES = 400


def tree_rows(lines: Sequence[str], row: ProfileRow) -> Iterator[ProfileRow]:
    """The functions that the tree right below ``row`` shows, as rows; those whose share is not printed are left out.

    ``own_ratio`` is the share of one that called nothing more, and 0 of the others: what they took themselves is not shown.
    Nothing where the row has one share only: there the tree goes up to the callers.
    """
    if row.with_calls_ratio is None:
        return
    kernel = row.where == "k"
    for line in lines[:_MOST_NODES]:
        found = NODE.match(line[:400])
        if found is None and line.strip(" |"):
            return
        if found is None:
            continue
        kernel = kernel or _ENTRY.match(found["name"]) is not None
        if found["part"]:
            yield _row(found, row, "k" if kernel else row.where)


def _row(found: re.Match[str], root: ProfileRow, where: str) -> ProfileRow:
    part = round(float(found["part"].replace(",", ".")) / 100, 6)
    return ProfileRow(
        symbol=found["name"],
        own_ratio=0.0 if found["mark"] else part,
        where=where,
        file=root.file,
        command=root.command,
        with_calls_ratio=part,
    )
