"""One command of the command line, or one action of a command: its `--help` ends with examples and exit codes."""

import argparse
from collections.abc import Callable

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse gives the type no public name
Run = Callable[[argparse.Namespace], int]


def add_command(
    commands: "Commands[argparse.ArgumentParser]", name: str, run: Run | None = None, *, summary: str, examples: str
) -> argparse.ArgumentParser:
    """Add it; without `run` what stands above it runs, or its own actions do. `examples` tell the exit codes, too."""
    command = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if run is not None:
        command.set_defaults(run=run)
    return command


def page(*lines: tuple[str, str], exits: str) -> str:
    """Write what `examples` is: the words of each line and what they do, and the exit codes."""
    width = max(len(words) for words, _ in lines) + 4
    examples = "".join(f"  {words:{width}}{does}".rstrip() + "\n" for words, does in lines)
    return f"examples:\n{examples}\nexit codes: {exits}\n"
