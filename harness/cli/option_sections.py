"""Help with its options and commands in sections, so that a long list can be searched by what it is for."""

from __future__ import annotations

import click

OPTION_SECTIONS = {
    "What to run": (
        *("backends", "scenarios", "parameters", "preset", "environments", "variants", "pairs", "server", "client"),
        *("partition", "saboteurs", "profile"),
    ),
    "How often and how long": (
        *("rounds", "budget", "stress_count", "stress_duration", "seed", "jobs", "retries", "timeout"),
        *("fail_fast", "max_hangs"),
    ),
    "Conditions": ("perturb", "limits", "executor", "create_envs"),
    "Comparison": ("baseline", "allow_disparity", "expectation_files"),
    "Output": ("out", "json_file", "quiet", "verbose"),
}
"""Names of the options in each section, in order."""
OTHER = "Other options"


class SectionedCommand(click.Command):
    """A command whose help has its options in sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by section; those of no section stand at the end."""
        records = {
            parameter.name or "": record
            for parameter in self.get_params(ctx)
            if (record := parameter.get_help_record(ctx)) is not None
        }
        listed = {name for names in OPTION_SECTIONS.values() for name in names}
        sections = {**OPTION_SECTIONS, OTHER: tuple(name for name in records if name not in listed)}
        for title, names in sections.items():
            if shown := [records[name] for name in names if name in records]:
                with formatter.section(title):
                    formatter.write_dl(shown)
