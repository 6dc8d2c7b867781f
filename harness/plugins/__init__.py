"""Load, validate and offer plugins. Plugins import `hookimpl` from here."""

from .catalogue import Catalogue, PluginReport, find_problem
from .load import GROUP, Plugins, hookimpl

__all__ = ["GROUP", "Catalogue", "PluginReport", "Plugins", "find_problem", "hookimpl"]
