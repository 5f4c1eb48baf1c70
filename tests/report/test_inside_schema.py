"""The published schema of ``inside --json`` is the one that the program follows."""

from crazytrain.report.inside_schema import inside_schema
from tests.support import ROOT


def test_the_published_schema_is_made_from_the_structs() -> None:
    published = (ROOT / "docs" / "inside.schema.json").read_bytes()
    assert published == inside_schema(), (
        "make it anew: python -c 'from crazytrain.report.inside_schema import ...' > docs/inside.schema.json"
    )
