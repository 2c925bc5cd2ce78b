# The same commands as `python dev.py …`, for those who have just.

# Format, lint, types, layers, wire types, front end, tests, notebooks, browser: what CI runs.
check *stages:
    python3 dev.py test {{stages}}

# Open the quickstart in JupyterLab.
demo *options:
    python3 dev.py demo {{options}}

# Rewrite what a tool can rewrite: formatting, safe lint fixes, the wire types.
fix:
    .venv/bin/ruff format .
    .venv/bin/ruff check --fix .
    .venv/bin/python scripts/wire_types.py
