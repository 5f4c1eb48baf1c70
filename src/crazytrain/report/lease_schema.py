"""The JSON schema of lease reports, made from the structs themselves."""

import msgspec

from crazytrain.model.lease_report import LeaseReport


def lease_schema() -> bytes:
    """The schema as indented JSON; ``docs/lease.schema.json`` holds it, and a test keeps the two the same."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "crazytrain leases",
        "description": "What `crazytrain lease --json` prints; schema_version 1.",
        **msgspec.json.schema(LeaseReport),
    }
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"
