"""The JSON schema of logs, made from the structs themselves."""

import msgspec

from crazytrain.model.log_view import LogView


def logs_schema() -> bytes:
    """The schema as indented JSON; ``docs/logs.schema.json`` holds it, and a test keeps the two the same."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "crazytrain log",
        "description": "What `crazytrain logs --json` prints; schema_version 1.",
        **msgspec.json.schema(LogView),
    }
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"
