"""The published schema fits what is printed, and the page names what there is."""

import json

from crazytrain.cli.lease import HELP
from crazytrain.report.lease_schema import lease_schema
from tests.support import ROOT


def test_the_published_schema_is_made_from_the_structs() -> None:
    published = (ROOT / "docs" / "lease.schema.json").read_bytes()
    assert published == lease_schema(), (
        "make it anew: crazytrain.report.lease_schema.lease_schema() > docs/lease.schema.json"
    )
    assert json.loads(published)["title"] == "crazytrain leases"


def test_the_page_names_every_option() -> None:
    page = (ROOT / "docs" / "lease.md").read_text()
    for option in (
        "--set",
        "--range",
        "--mac",
        "--dry-run",
        "--yes",
        "--undo",
        "--connect",
        "--json",
        "--all",
        "--by-options",
        "--restart-network",
        "--cut-off-guests",
    ):
        assert f"`{option}" in page
    assert "docs/lease.md" in HELP
