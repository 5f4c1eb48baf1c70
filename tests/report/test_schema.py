"""The published schema is the one that the program follows."""

from crazytrain.report.schema import schema
from tests.support import ROOT


def test_the_published_schema_is_made_from_the_structs() -> None:
    published = (ROOT / "docs" / "report.schema.json").read_bytes()
    assert published == schema(), (
        "make it anew: python -c 'from crazytrain.report.schema import schema; ...' > docs/report.schema.json"
    )
