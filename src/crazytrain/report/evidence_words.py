"""One look, as reports list it."""

from crazytrain.model.evidence import Evidence
from crazytrain.model.report import CostView, EvidenceView
from crazytrain.report.escape import plain


def evidence_view(evidence: Evidence) -> EvidenceView:
    """An evidence without its data, harmless to show."""
    return EvidenceView(
        id=plain(evidence.id),
        kind=evidence.kind.value,
        source=plain(evidence.source),
        outcome=evidence.outcome.value,
        detail=plain(evidence.detail),
        cost=CostView(
            rung=evidence.cost.value,
            took_ns=evidence.took_ns,
            cpu_ns=evidence.cpu_ns,
            stall_ns=evidence.stall_ns,
            bytes=len(evidence.data),
        ),
    )
