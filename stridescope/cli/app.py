"""The commands, as a table; a command's module is imported when the command runs.

Problem: `stridescope show` must not pay for what other commands need. Method: click asks the group for
a command by name, and the group imports the module its row names. Cost: click's import alone for
`--help`, since the short help texts stand in the table too.
"""

from __future__ import annotations

from importlib import import_module

import click

from stridescope import __version__

__all__ = ["app"]

COMMANDS: dict[str, tuple[str, str]] = {
    "tui": ("stridescope.cli.tui", "Open the terminal app: type a chain, watch it move."),
    "show": ("stridescope.cli.show", "Show how a tensor lies in its storage, or what an op chain does."),
    "modules": ("stridescope.cli.modules", "Browse a model: its modules, and every parameter's layout."),
    "storages": ("stridescope.cli.storages", "Storages: who shares them, and bytes that nothing reaches."),
    "trace": ("stridescope.cli.trace", "Run a script, and report copies by source line."),
    "explain": ("stridescope.cli.explain", "Why each step of a program is a view, a copy or refused."),
    "diff": ("stridescope.cli.diff", "How two layouts differ, and whether any address does."),
    "doctor": ("stridescope.cli.doctor", "Versions, devices, terminal; what is missing, and for what."),
}
"""Command name to (module that holds a click command of that name, short help)."""


class _Commands(click.Group):
    """A group that imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        row = COMMANDS.get(name)
        if row is None:
            return None
        command: click.Command = getattr(import_module(row[0]), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            known = ", ".join(COMMANDS)
            raise click.UsageError(f"no command {args[0]!r}: the commands are {known}; a target goes after show", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[1]) for name, row in COMMANDS.items()])


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Try: stridescope show "torch.arange(12).view(3, 4).t()[1:, ::2]"',
)
@click.version_option(__version__, prog_name="stridescope")
@click.pass_context
def app(ctx: click.Context) -> int | None:
    """See how a tensor's indices map to its storage.

    Without a command, and in a terminal, the app opens.
    """
    if ctx.invoked_subcommand is not None:
        return None
    from stridescope.cli.tui import in_a_terminal, open_home

    if in_a_terminal():
        return open_home()
    click.echo(ctx.get_help())
    return None
