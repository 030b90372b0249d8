"""The JSON Schema of a rule file, for editors: config/schema/rule.schema.json.

`make schema` writes it; a test keeps it current.
"""

from __future__ import annotations

import json

from monitors.rules.model import Rule


def rule_schema() -> str:
    """The schema as text, stable: sorted keys, two spaces, a line feed at the end."""
    schema = Rule.model_json_schema(by_alias=True)
    schema |= {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A Nephrowatch rule"}
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
