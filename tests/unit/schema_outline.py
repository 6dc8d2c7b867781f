"""The meaning of a JSON schema: what tests compare, as the library that writes schemas changes their text."""


def outline(schema):
    """Return the documents that a schema describes: properties, required ones, types and choices of each part.

    Keywords that the library adds without a change of the types (`propertyNames`, titles, descriptions, the order and
    the indentation) are left out; a changed field, type or choice shows.
    """
    if isinstance(schema, list):
        return [outline(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key in MEANINGFUL}
    return {key: _part(key, value) for key, value in kept.items()}


MEANINGFUL = {
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "enum",
    "items",
    "oneOf",
    "prefixItems",
    "properties",
    "required",
    "type",
}


def _part(key, value):
    if key in {"$defs", "properties"}:
        return {name: outline(part) for name, part in value.items()}
    if key in {"required", "enum"}:
        return sorted(value, key=str)
    if key in {"anyOf", "oneOf"}:
        return sorted(map(outline, value), key=str)  # alternatives have no order
    return outline(value)
