"""`python -m bench` is `casino bench`."""

import sys

from casino.cli import main

if __name__ == "__main__":
    sys.exit(main(["bench", *sys.argv[1:]]))
