"""The JSON schema of what is seen inside a guest, made from the structs themselves."""

import msgspec

from crazytrain.model.inside_report import INSIDE_SCHEMA_VERSION, InsideReport


def inside_schema() -> bytes:
    """The schema as indented JSON; ``docs/inside.schema.json`` holds it, and a test keeps the two the same."""
    described = msgspec.json.schema(InsideReport)
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "crazytrain inside",
        "description": f"What `crazytrain inside --json` prints; schema_version {INSIDE_SCHEMA_VERSION}.",
        **described,
    }
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"
