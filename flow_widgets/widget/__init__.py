"""The notebook widget: a flow shown live, and the same commands from code."""
