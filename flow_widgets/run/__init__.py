"""What happened in a run: events, state, reduce, plan and delta; pure."""
