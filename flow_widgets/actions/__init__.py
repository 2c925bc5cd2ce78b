"""What an action can do: one type, one file."""
