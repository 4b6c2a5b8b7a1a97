"""Commands that refuse an option which is given twice, where only the last would count."""

import click
from typer.core import TyperCommand


class Once(TyperCommand):
    """A command of which an option that takes one value can be given once.

    Examples
    --------
    >>> import typer
    >>> from typer.testing import CliRunner
    >>> cli = typer.Typer()
    >>> @cli.command(cls=Once)
    ... def greet(name: str = "you") -> None:
    ...     typer.echo(f"hello, {name}")
    >>> CliRunner().invoke(cli, ["--name", "Ada", "--name", "Bo"]).exit_code
    2
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments as click does."""
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for option in given:
            if isinstance(option, click.Option) and not (option.multiple or option.is_flag) and given.count(option) > 1:
                raise click.UsageError(f"{option.opts[0]} is given {given.count(option)} times; give it once", ctx)
        return super().parse_args(ctx, args)
