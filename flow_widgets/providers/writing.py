"""Writes the answers of the provider ``offline``: readable text that depends on the request only.

A prompt is an instruction and, when it is long, material. The instruction's verbs choose a form (a
summary, pros and cons, a poem, …); the material's own sentences and frequent words fill it, so that
an answer can be the material of the next step. Where there is no material, phrases about the topic
stand in. Nothing here knows anything: it only has to look like an answer and stay the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import phrases
from .prompt import Prompt, understand
from .sample import sample

_TOKENS_PER_WORD = 1.3


@dataclass(frozen=True, slots=True)
class Written:
    """An answer in the pieces in which it is streamed."""

    pieces: list[str]
    finish_reason: str | None = "stop"


def write(body: Mapping[str, Any], *, text: str | None = None) -> Written:
    """Return the answer to a request body, or ``text`` as its answer, within the body's limits."""
    if text is None:
        text = _text_for(body)
    finish = "stop"
    stops = body.get("stop") or []
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.partition(stop)[0] if stop else text
    pieces = re.findall(r"\s*\S+", text) + re.findall(r"\s+$", text)
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if isinstance(limit, int) and count_tokens(text) > limit:
        pieces = pieces[: max(1, int(limit / _TOKENS_PER_WORD))]
        finish = "length"
    return Written(pieces, finish)


def count_tokens(text: str) -> int:
    """Return about how many tokens a text has."""
    return round(len(text.split()) * _TOKENS_PER_WORD)


def _text_for(body: Mapping[str, Any]) -> str:
    prompt = understand(body)
    form = body.get("response_format") or {}
    kind = form.get("type") if isinstance(form, dict) else None
    if kind == "json_schema":
        schema = (form.get("json_schema") or {}).get("schema") or {}
        return json.dumps(sample(schema, prompt.dice, _speaker(prompt)), ensure_ascii=False)
    if kind == "json_object":
        points = [phrases.point(prompt.topic, word, prompt.dice) for word in prompt.words[:3]]
        value = {"topic": prompt.topic, "answer": _essay(prompt).strip(), "points": points}
        return json.dumps(value, ensure_ascii=False, indent=1)
    return _form_of(prompt.instruction)(prompt)


def _form_of(instruction: str) -> _WRITER:
    """Return the writer of a rare form that is named, else of the form that is named first."""
    found: list[tuple[int, int, _WRITER]] = []
    for place, (pattern, writer) in enumerate(_FORMS):
        match = pattern.search(instruction)
        if match is not None and place < _RARE_FORMS:
            return writer
        if match is not None:
            found.append((match.start(), place, writer))
    return min(found)[2] if found else _essay


def _essay(prompt: Prompt) -> str:
    """Return an opening, what there is to say, and an end: the form of everything else."""
    dice, topic = prompt.dice, prompt.topic
    opening = phrases.opening(prompt.role, topic, dice)
    if prompt.sentences:
        said = list(prompt.sentences[: dice.randint(3, 4)])
        said.insert(1, phrases.remark(topic, prompt.words, dice))
    else:
        said = phrases.statements(topic, prompt.words, dice, dice.randint(4, 6))
    parts = [" ".join([opening, *said])]
    shape = dice.randrange(3)
    if shape == 1:
        parts.append(_bullets(phrases.point(topic, word, dice) for word in prompt.words[:3]))
    elif shape == 2:
        parts.append(_table(prompt))
    parts.append(phrases.closing(topic, prompt.words, dice))
    return "\n\n".join(parts)


def _summary(prompt: Prompt) -> str:
    if not prompt.sentences:
        return _essay(prompt)
    dice = prompt.dice
    lead = phrases.summary_lead(prompt.words, dice)
    points = _bullets(prompt.sentences[:5])
    return f"{lead}\n\n{points}\n\n{phrases.closing(prompt.words[0], prompt.words, dice)}"


def _critique(prompt: Prompt) -> str:
    dice = prompt.dice
    quoted = [_clipped(sentence) for sentence in prompt.sentences[:3]] or [prompt.topic]
    good, bad = phrases.praises(dice), phrases.doubts(dice)
    strong = _bullets(f"“{part}” {say}" for part, say in zip(quoted[:2], good, strict=False))
    weak = _bullets(f"“{part}” {say}" for part, say in zip(reversed(quoted), bad, strict=False))
    advice = phrases.advice(prompt.words, dice)
    lead = phrases.critique_lead(prompt.role, dice)
    return f"{lead}\n\n**What works**\n\n{strong}\n\n**What is missing**\n\n{weak}\n\n{advice}"


def _final(prompt: Prompt) -> str:
    if not prompt.sentences:
        return _essay(prompt)
    dice, words = prompt.dice, prompt.words
    said = prompt.sentences
    first = " ".join([said[0], phrases.remark(words[0], words, dice), *said[1:3]])
    second = " ".join([phrases.turn(dice), *said[3:5], phrases.closing(words[0], words, dice)])
    return f"{first}\n\n{second}"


def _pros_and_cons(prompt: Prompt) -> str:
    dice, topic = prompt.dice, prompt.topic
    pros, cons = phrases.pros(dice), phrases.cons(dice)
    lead = f"{_capital(topic)} has real advantages, and a price that is easy to overlook."
    verdict = phrases.closing(topic, prompt.words, dice)
    return f"{lead}\n\n**Pros**\n\n{_bullets(pros)}\n\n**Cons**\n\n{_bullets(cons)}\n\n{verdict}"


def _argument(prompt: Prompt) -> str:
    which = "against" if re.search(r"\bagainst\b", prompt.instruction, re.IGNORECASE) else "for"
    reasons = phrases.cons(prompt.dice) if which == "against" else phrases.pros(prompt.dice)
    end = phrases.closing(prompt.topic, prompt.words, prompt.dice)
    return f"{phrases.side(which, prompt.dice)}\n\n{_bullets(reasons)}\n\n{end}"


def _verdict(prompt: Prompt) -> str:
    judgement, advice = phrases.verdict(prompt.dice)
    quoted = [f"> {sentence}" for sentence in prompt.sentences[:1]]
    weight = ["That is the point that carries most weight."] if quoted else []
    return "\n\n".join([judgement, *quoted, *weight, advice])


def _comparison(prompt: Prompt) -> str:
    lead = phrases.opening(prompt.role, prompt.topic, prompt.dice)
    end = phrases.closing(prompt.topic, prompt.words, prompt.dice)
    return f"{lead}\n\n{_table(prompt)}\n\n{end}"


def _list(prompt: Prompt) -> str:
    number = _asked_number(prompt.instruction) or prompt.dice.randint(4, 6)
    ideas = phrases.ideas(prompt.topic, prompt.words, prompt.dice, number)
    return "\n".join(f"{place}. {idea}" for place, idea in enumerate(ideas, 1))


def _poem(prompt: Prompt) -> str:
    return phrases.poem(prompt.topic, prompt.words, prompt.dice)


def _haiku(prompt: Prompt) -> str:
    return phrases.haiku(prompt.words, prompt.dice)


def _title(prompt: Prompt) -> str:
    topic = re.sub(
        r"^(?:a |the )?(?:good |new |great )?(?:names?|titles?) (?:for|of) (?:a |the )?",
        "",
        prompt.topic,
    )
    return phrases.title(topic, prompt.words, prompt.dice)


def _letter(prompt: Prompt) -> str:
    dice, topic = prompt.dice, prompt.topic
    said = prompt.sentences[:3] or phrases.statements(topic, prompt.words, dice, 3)
    end = phrases.closing(topic, prompt.words, dice)
    return f"Subject: {_capital(topic)}\n\nHello,\n\n{' '.join(said)}\n\n{end}\n\nKind regards"


def _greeting(prompt: Prompt) -> str:
    return phrases.greeting(prompt.dice)


def _label(prompt: Prompt) -> str:
    return prompt.dice.choice(("positive", "neutral", "negative", "mixed")).capitalize()


def _translation(prompt: Prompt) -> str:
    quoted = re.search(r"[\"“'](.+)[\"”']", prompt.instruction)
    text = " ".join(prompt.sentences) or (quoted[1] if quoted else prompt.topic)
    return phrases.untranslated(text)


_NUMBERS = "zero one two three four five six seven eight nine ten".split()  # noqa: SIM905
_WRITER = Callable[[Prompt], str]
_FORMS: tuple[tuple[re.Pattern[str], _WRITER], ...] = tuple(
    (re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), writer)
    for pattern, writer in (
        (r"^(?:hello|hi|hey|good morning|good evening)(?: there)?(?=\W*$)", _greeting),
        ("haikus?", _haiku),
        ("poems?|verses?|limericks?|sonnets?", _poem),
        ("pros and cons|pros|advantages|trade-?offs?", _pros_and_cons),
        ("translate|translation", _translation),
        ("classify|sentiment", _label),
        ("titles?|headlines?|slogans?|taglines?|names? for|name (?:it|this|the|my|our)", _title),
        ("e-?mail|letter|reply to", _letter),
        ("case (?:for|against)|arguments? (?:for|against)|argue", _argument),
        ("weigh|verdict|decide|judge|recommend", _verdict),
        ("critici[sz]e|critique|criticism|review|feedback|weaknesses", _critique),
        ("final|rewrite|revise|revised|polish|edit|merge|combine|improve", _final),
        ("summar\\w+|tl;?dr|key points|shorten|condense|digest", _summary),
        ("compare|comparison|versus|vs|differences?|table", _comparison),
        ("list|ideas?|brainstorm|steps|examples|suggest\\w*|ways|reasons|tips|questions", _list),
    )
)
_RARE_FORMS = 6
"""So many forms, from the first, are meant wherever they are named."""


_SHORT_NAMES = re.compile(
    r"^(?:tags?|keywords?|systems?|topics?|labels?|categor\w+|people|places?|tools?|parts?)$",
    re.IGNORECASE,
)


def _speaker(prompt: Prompt) -> Callable[[str, int], str]:
    """Return what puts a text into a field of that name, of at most so many words."""

    def speak(name: str, words: int) -> str:
        if words <= 3 or _SHORT_NAMES.search(name):
            return prompt.dice.choice(prompt.words)
        if re.search(r"title|name|headline|label|topic|subject", name, re.IGNORECASE):
            return phrases.title(prompt.topic, prompt.words, prompt.dice).partition("\n")[0]
        if prompt.sentences:
            return prompt.dice.choice(prompt.sentences)
        return phrases.point(prompt.topic, prompt.dice.choice(prompt.words), prompt.dice)

    return speak


def _table(prompt: Prompt) -> str:
    rows = phrases.table_rows(prompt.words, prompt.dice)
    lines = [" | ".join(row).join(("| ", " |")) for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines)


def _bullets(lines: Any) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _asked_number(instruction: str) -> int | None:
    words: Sequence[str] = _NUMBERS
    for word in instruction.lower().split():
        if word.isdigit() and 1 <= int(word) <= 20:
            return int(word)
        if word in words[1:]:
            return words.index(word)
    return None


def _clipped(sentence: str) -> str:
    words = sentence.rstrip(".!?").split()
    return " ".join(words[:9]) + ("…" if len(words) > 9 else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
