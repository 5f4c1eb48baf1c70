from crazytrain.report.logs_schema import logs_schema
from tests.support import ROOT


def test_the_schema_in_docs_is_that_of_the_structs() -> None:
    assert (ROOT / "docs" / "logs.schema.json").read_bytes() == logs_schema()
