"""What an action asked, as a text, its templates filled in."""

from __future__ import annotations

from flow_widgets.flow.model import Action


def prompt_of(action: Action | None) -> str | None:
    """Return the prompt of an action, else the text of its last message; None where it has neither."""
    prompt = getattr(action, "prompt", None)
    if prompt is not None:
        return str(prompt)
    messages = getattr(action, "messages", None)
    return str(messages[-1].text) if messages else None
