"""The words by which commands name a spec. Carries nothing out."""

import argparse
from pathlib import Path

DEFAULT = Path("casino.yaml")


def add_spec(parser: argparse.ArgumentParser, *, default: Path | None = DEFAULT) -> None:
    """Take a spec as the argument FILE, which must be given where there is no default."""
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        nargs="?" if default else None,
        default=default,
        help="a spec: one file, or a folder of *.yaml files" + (f" (default: {default})" if default else ""),
    )
    _add_stage(parser)


def add_spec_option(parser: argparse.ArgumentParser) -> None:
    """Take a spec as the option --spec, where the arguments are something else."""
    parser.add_argument("--spec", dest="file", metavar="FILE", type=Path, default=DEFAULT, help=f"(default: {DEFAULT})")
    _add_stage(parser)


def _add_stage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stage", metavar="NAME", help="merge stages/NAME.yaml, beside the file or in the folder")
