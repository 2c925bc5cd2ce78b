"""Makes things happen: starts actions, emits events, owns tasks."""
