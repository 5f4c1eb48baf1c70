"""The JSON schema of clock reports, made from the structs themselves."""

import msgspec

from crazytrain.model.clock_report import ClockReport


def clock_schema() -> bytes:
    """The schema as indented JSON; ``docs/clock.schema.json`` holds it, and a test keeps the two the same."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "crazytrain clock",
        "description": "What `crazytrain clock GUEST --json` prints; schema_version 1.",
        **msgspec.json.schema(ClockReport),
    }
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"
