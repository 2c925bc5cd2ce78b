"""Reads a prompt for the provider ``offline``: what is asked, about what, and with which words."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import phrases

_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"“(]?[A-Z0-9])|\n+")
_MARKUP = re.compile(r"^\s*(?:[-*+>•]|\d+[.)]|#+)\s+|\*\*|__|`")
_QUOTING = re.compile(r"[“”|]")
_TOPIC = re.compile(
    r"\b(?:about|on|of|for|regarding|concerning|between|comparing|compare|explain|describe|discuss"
    r"|what (?:is|are)|how (?:do|does|to|can)|why (?:do|does|is|are))\s+(?!me\b|us\b)"
    r"([^.?!:;\n]{3,90})",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"[,(]|\b(?:in|with|using|for|to be|that|which|as|and then|please)\s+(?:\w+\s+){0,3}"
    r"(?:words?|sentences?|points?|bullets?|paragraphs?|lines?|style|tone|table|markdown|json)\b",
    re.IGNORECASE,
)
_EDGE_WORDS = frozenset(("the", "a", "an", "of", "to", "in", "and", "or", "is", "are", "my", "our"))
_HOW = re.compile(r"^how\s+(?:do |does |to |can )?(.*?)(?:\s+works?)?$", re.IGNORECASE)
_MATERIAL_WORDS = 40
"""A prompt of more words than these, besides its instruction, carries material."""
_ASKS = re.compile(
    r"\b(?:write|explain|describe|answer|tell|extract|analy[sz]e|what|how|why|haiku|poem|pros|advantages"
    r"|translat\w+|classify|title|headline|name|letter|e-?mail|reply|criti\w+|review|feedback|final"
    r"|rewrite|revise|polish|edit|combine|improve|summar\w+|shorten|condense|compare|table|list|ideas?"
    r"|brainstorm|steps|suggest\w*|tips|weigh|decide|judge|recommend|argue)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the writer makes out of a request."""

    instruction: str
    role: str
    """The system message."""
    topic: str
    sentences: list[str]
    """The sentences of the material, best first in their order; empty without material."""
    words: list[str]
    """Words that matter, most frequent first; never empty."""
    dice: random.Random


def seed_of(body: Mapping[str, Any]) -> int:
    """Return a number that depends on what is asked, and not on how it is transported."""
    asked = {name: body[name] for name in body if name not in ("stream", "stream_options", "user")}
    text = json.dumps(asked, sort_keys=True, ensure_ascii=True, default=str)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def messages_text(messages: Any, *, role: str | None = None, last: bool = False) -> str:
    """Return the text of the messages of a role, or of all, or of the last user message."""
    texts = []
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, dict) and (role is None or message.get("role") == role):
            if last and message.get("role") != "user":
                continue
            texts.append(_content_text(message.get("content")))
    return (texts[-1] if texts else "") if last else "\n".join(texts)


def understand(body: Mapping[str, Any]) -> Prompt:
    """Return what a request asks for, about what, and with which words."""
    messages = body.get("messages")
    role = "\n".join(messages_text(messages, role=name) for name in ("system", "developer"))
    asked = messages_text(messages, last=True).strip() or role.strip() or "Say something."
    instruction, material = _split(asked)
    topic = _topic(instruction)
    subject = "" if material else asked.partition(":")[2]
    words = (
        _keywords(subject) or _keywords(f"{material} {topic} {topic} {instruction}") or ["question"]
    )
    if not topic or _keywords(subject):
        topic = " and ".join(words[:2])
    sentences = [] if not material else _sentences(material)
    dice = random.Random(seed_of(body))  # noqa: S311 - no secret depends on it
    return Prompt(instruction, role, topic, sentences, words, dice)


def _split(asked: str) -> tuple[str, str]:
    """Return the instruction and the material of a prompt; either side may come first."""
    blocks = [block for block in re.split(r"\n\s*\n|(?<=:)\n", asked) if block.strip()]
    if len(blocks) == 1:
        head, colon, tail = asked.partition(":")
        if colon and len(head.split()) < 30 and len(tail.split()) > 12:
            return head, tail
        if len(asked.split()) <= _MATERIAL_WORDS:
            return asked, ""
        first, _, rest = asked.partition(". ")
        return first, rest
    asking = [block for block in blocks if len(block.split()) < 60 and _ASKS.search(block)]
    instruction = asking[0] if asking else blocks[0]
    material = "\n".join(block for block in blocks if block is not instruction)
    return instruction, material if len(material.split()) > 12 else ""


def _topic(instruction: str) -> str:
    found = _TOPIC.search(instruction)
    if found is None:
        return ""
    words = _HOW.sub(r"\1", _CLAUSE_END.split(found[1])[0].strip()).split()
    if re.search(r"\bhow\b", found[0], re.IGNORECASE) and words[-1:] in (["work"], ["works"]):
        words.pop()
    while words and words[0].lower() in _EDGE_WORDS - {"the"}:
        words.pop(0)
    while words and words[-1].lower() in _EDGE_WORDS:
        words.pop()
    topic = " ".join(words[:8]).strip(" \"'“”.,")
    return "" if phrases.EMPTY_TOPICS.match(topic) or not _keywords(topic) else topic


def _keywords(text: str) -> list[str]:
    words = [word.strip("'’-") for word in _WORD.findall(text)]
    counts = Counter(word.lower() for word in words if word.lower() not in phrases.STOPWORDS)
    spelled = {word.lower(): word for word in reversed(words)}
    order = {word: place for place, word in enumerate(counts)}
    best = sorted(counts, key=lambda word: (-counts[word], order[word]))
    return [_plain_case(spelled[word]) for word in best if len(word) > 2][:12]


def _plain_case(word: str) -> str:
    return word if word.isupper() and len(word) < 6 else word.lower()


def _sentences(material: str) -> list[str]:
    """Return the sentences that share most words with the rest, in the order of the material."""
    clean = (_MARKUP.sub("", part).strip() for part in _SENTENCE.split(material))
    found = [
        part
        for part in dict.fromkeys(clean)
        if 5 <= len(part.split()) <= 45 and not part.endswith(":") and not _QUOTING.search(part)
    ]
    weight = Counter(word.lower() for part in found for word in _WORD.findall(part))

    def score(sentence: str) -> float:
        words = {w.lower() for w in _WORD.findall(sentence)} - phrases.STOPWORDS
        return sum(weight[word] for word in words) / (6 + len(words))

    best = sorted(range(len(found)), key=lambda i: -score(found[i]))[:6]
    return [_ended(found[i]) for i in sorted(best)]


def _content_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def _ended(sentence: str) -> str:
    return sentence if sentence[-1] in '.!?”"' else sentence.rstrip(",;: ") + "."
