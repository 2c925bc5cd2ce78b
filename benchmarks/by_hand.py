"""The loop that one would write without a library; everything is measured against it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from openai import AsyncOpenAI


class Subject:
    def __init__(self, base_url: str, model: str) -> None:
        self.client = AsyncOpenAI(base_url=base_url, api_key="x")
        self.model = model

    async def run(self, prompts: list[str], seen: Callable[[str], None]) -> list[str]:
        return await asyncio.gather(*(self.answer(prompt, seen) for prompt in prompts))

    async def answer(self, prompt: str, seen: Callable[[str], None]) -> str:
        parts: list[str] = []
        stream = await self.client.chat.completions.create(
            model=self.model,
            messages=[{"role": "user", "content": prompt}],
            stream=True,
            stream_options={"include_usage": True},
        )
        async for chunk in stream:
            if chunk.choices:
                text = chunk.choices[0].delta.content
                if text:
                    parts.append(text)
                    seen(text)
        return "".join(parts)

    async def close(self) -> None:
        await self.client.close()
