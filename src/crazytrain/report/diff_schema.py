"""The JSON schema of comparisons, made from the structs themselves."""

import msgspec

from crazytrain.model.difference import DiffReport


def diff_schema() -> bytes:
    """The schema as indented JSON; ``docs/diff.schema.json`` holds it, and a test keeps the two the same."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "crazytrain comparison",
        "description": "What `crazytrain diff --json` prints; schema_version 1.",
        **msgspec.json.schema(DiffReport),
    }
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"
