"""What a reply gives."""

from __future__ import annotations

import pytest
from context import output

from flow_widgets.actions.reply import Reply


@pytest.mark.parametrize(
    ("text", "given"), [("", ""), ("Hi {{who}}", "Hi Ada"), ("{{data}}", '{"n": 1}')]
)
async def test_it_gives_its_text(text, given):
    assert await output(Reply(text=text), who="Ada", data={"n": 1}) == given
