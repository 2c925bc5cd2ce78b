"""Runs the command line: ``python -m flow_widgets``."""

from flow_widgets.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
