"""A plugin that fails at import."""

raise RuntimeError("this plugin fails at import")
