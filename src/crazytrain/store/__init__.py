"""Evidence to disk and back: cases that survive being cut off. Nothing else in the house knows how a case lies on disk.

Writing (trouble with the disk is told, never raised; the look goes on in memory)::

    with open_case(cases_root(os.environ, os.geteuid()), guest, window, note) as writer:
        beside = writer.baseline(sibling, "db02: same machine type, runs beside")  # or writer.say_choice("no other guest")
        writer.keep(evidence)  # returns at once; on disk some moments later
        beside.keep(evidence)
        writer.ended(window)  # how long it really took
        report = ...(writer.case)  # all of it, from memory
        writer.finish(report_json, report_text)  # True: whole on disk; else see writer.problems

Reading: ``load(path)`` or ``open_packed(data)`` gives the ``Case``, ``saved_report(path)`` the report that was kept
with it, ``listing(root)`` one line a case, ``find(root, wanted)`` the path of the one that is meant, ``verify(path)``
what does not fit. ``pack(path, out, redact=True)`` makes one file for a colleague; ``is_packed(data)`` knows such a
file by its content.

On disk (all folders 0700, all files 0600)::

    web01-20261123T064500Z-1f2e3d/
        journal.jsonl           one line for each thing kept, in order; see journal.py
        evidence/tasks.0.txt    the raw bytes; above 64 KiB compressed: evidence/bpf.0.jsonl.zst
        report.json report.txt  as they were printed
        baseline/               the healthy guest beside: journal.jsonl and evidence/ of its own

A case whose last journal line is a seal that fits is complete. One without is the part that was kept before somebody
died.
"""

from crazytrain.store.earlier import Earlier, last_healthy
from crazytrain.store.listing import CaseLine, find, listing
from crazytrain.store.loader import SavedReport, load, open_packed, saved_report
from crazytrain.store.package import is_packed
from crazytrain.store.packing import pack
from crazytrain.store.problem import Problem
from crazytrain.store.roots import cases_root
from crazytrain.store.verify import verify
from crazytrain.store.writer import Keeper, Writer, open_case

__all__ = [
    "CaseLine",
    "Earlier",
    "Keeper",
    "Problem",
    "SavedReport",
    "Writer",
    "cases_root",
    "find",
    "is_packed",
    "last_healthy",
    "listing",
    "load",
    "open_case",
    "open_packed",
    "pack",
    "saved_report",
    "verify",
]
