"""`python -m polysos`: the experiments of the paper on the command line."""

import sys


def main(arguments=None) -> int:
    """Run one command; the exit code."""
    try:
        from .paper import commands
    except ModuleNotFoundError as error:
        print(f"python -m polysos: {error}", file=sys.stderr)
        return 2
    return commands.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
