"""The JSON schema of reports, made from the structs themselves."""

import msgspec

from crazytrain.model.report import SCHEMA_VERSION, Report


def schema() -> bytes:
    """The schema as indented JSON; ``docs/report.schema.json`` holds it, and a test keeps the two the same."""
    described = msgspec.json.schema(Report)
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "crazytrain report",
        "description": f"What `crazytrain why --json` and `explain --json` print; schema_version {SCHEMA_VERSION}.",
        **described,
    }
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"
