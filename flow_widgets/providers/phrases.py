"""The stock of phrases from which the provider ``offline`` writes."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

# Words that say nothing about a topic: common ones, and those of instructions.
STOPWORDS = frozenset(
    """
    a about above after again all also am an and any are as at be because been before being
    below between both but by can could did do does doing don down during each every few for
    from further had has have having he her here hers him his how however i if in into is it
    its itself just let like made make makes many may me might more most much must my no nor
    not now of off on once one only or other our out over own per please same she should since
    so some such than that the their them then there these they this those through to too two
    under until up upon us use used using very was way we well were what when where which while
    who whom why will with within without would you your yours yourself answer write give tell
    explain describe list summarise summarize summary text following word words sentence
    sentences short brief briefly paragraph paragraphs bullet bullets point points three four
    five six ten critique review improve final version report first second good best help need
    want new get see say says said still even yet rather often it's that's don't isn't works
    missing question questions user assistant system haiku haikus poem poems verse pros cons
    advantages title titles headline headlines slogan name names email letter ideas compare
    comparison table editor translate extract facts classify analyse analyze draft rewrite
    revise hundred thousand million percent half tenth sound core main concerns bring carries
    keeps reads style based given create last year next work strongest case proposal argument
    arguments against weigh sides side recommend recommendation verdict judge decide whole let
    """.split()  # noqa: SIM905 - a list of strings is unreadable
)
EMPTY_TOPICS = re.compile(
    r"(?:the |this |that |these |my |our )?(?:following |above )?"
    r"(?:it|this|that|these|those|them|text|report|draft|article|document|summary|critique|input|"
    r"words|sentences|me|us|you|one|each|below)"
    r"(?: below| above)?$",
    re.IGNORECASE,
)

_OPENINGS = {
    r"teach|tutor|explain|child|beginner": (
        "Let us start with the simple picture: {topic} is easier to follow than it sounds.",
        "The best way into {topic} is a small example, and then the rule behind it.",
    ),
    r"critic|review|editor|skeptic|sceptic": (
        "A careful look at {topic} pays off, because the first impression hides a few gaps.",
        "Taken strictly, {topic} holds up in most places and needs work in some.",
    ),
    r"engineer|developer|program|architect|technical": (
        "In practice, {topic} comes down to a few constraints that decide the rest.",
        "The useful question about {topic} is what happens when the load grows or a part fails.",
    ),
    r"scien|research|analyst|data|statist": (
        "The evidence on {topic} points in one direction, with some room for doubt.",
        "What can be measured about {topic} is fairly consistent; what it means is less settled.",
    ),
    r"market|sales|brand|copywrit|product": (
        "People do not look for {topic}; they look for what it lets them do.",
        "The story of {topic} begins with a problem that everyone recognises.",
    ),
    r"lawyer|legal|compliance|risk": (
        "Two duties meet in {topic}, and the order in which they are read matters.",
        "The risk in {topic} lies less in the rule than in its exceptions.",
    ),
    r"": (
        "At its core, {topic} is a matter of a few things that belong together.",
        "There are several ways to look at {topic}, and the plain one is usually enough.",
        "What makes {topic} worth a closer look is how its parts depend on each other.",
    ),
}
_STATEMENTS = (
    "The part that people notice first is the {k1}, although the {k2} does most of the work.",
    "It helps to separate what is known about the {k1} from what is only assumed.",
    "Small changes in the {k1} can have large effects on the {k2}, and the reverse is rarely true.",
    "Most of the effort goes into the {k2}; once that is settled, the rest follows quickly.",
    "A good first step is to look at one concrete case and to write down what actually happens.",
    "Experience shows that the simplest version of {topic} is often the one that lasts.",
    "The {k1} sets the pace, while the {k2} decides how far it goes.",
    "What counts in the end is whether the result is useful to the people who depend on it.",
    "Mistakes usually come from skipping the {k2}, not from getting the {k1} wrong.",
    "It is worth asking early how {topic} would look if it had to be half as large.",
    "The usual advice is sound: keep the {k1} visible and change one thing at a time.",
)  # fmt: skip
_POINTS = (
    "The {word} deserves attention first, because much of {topic} rests on it.",
    "Keep the {word} simple; it is the part that others will have to understand.",
    "Measure the {word} before and after, so that a change in {topic} can be seen.",
    "The {word} ties {topic} to everyday use, and that is where it proves itself.",
    "Without a clear idea of the {word}, {topic} stays vague.",
)
_REMARKS = (
    "This makes the {k1} the hinge of the whole matter.",
    "Read together, these points tie the {k1} to the {k2}.",
    "The link between {k1} and {k2} is what carries the argument.",
)
_CLOSINGS = (
    "In short: begin with the {k1}, keep an eye on the {k2}, and leave the rest for later.",
    "So the sensible course is to start small, look at the {k1}, and decide again with the result.",
    "Taken together, this speaks for a careful start and an early check of the {k1}.",
    "If only one thing is remembered, it should be the role of the {k1}.",
)
_PROS = (
    "It gets results early, so that a wrong turn shows while it is still cheap.",
    "It asks for little to begin with, and what is learned can be used elsewhere.",
    "It makes the work visible to everyone who takes part.",
    "It leaves room for change, because its parts can be replaced one by one.",
    "It is well understood, so advice and examples are easy to find.",
)
_CONS = (
    "The upkeep is easy to underestimate, and it does not shrink by itself.",
    "It needs discipline: without it, the gains fade after the first weeks.",
    "Some costs appear late, when going back has become expensive.",
    "Not everyone benefits in the same way, which can slow a decision down.",
    "It depends on a few people or parts that are hard to replace.",
)
_PRAISES = (
    "is clear and says what is at stake.",
    "gives the reader something concrete to hold on to.",
    "carries the argument and should stay.",
)
_DOUBTS = (
    "is stated, not shown: one number or example would settle it.",
    "leaves open for whom this holds, and when.",
    "could be half as long without losing anything.",
)
_IDEAS = (
    "Start from the {k1}: describe in one sentence what should be different afterwards.",
    "Turn {topic} around and ask what would make it fail; then remove the likeliest cause.",
    "Try the {k2} on a small scale for a week, and write down every surprise.",
    "Ask two people who never dealt with {topic} to explain it back to you.",
    "Put {k1} and {k2} side by side in a simple chart and look for the odd one out.",
    "Borrow a solution from a neighbouring field that has to deal with the {k1} every day.",
    "Set a fixed time for the {k2}, so that it does not depend on good intentions.",
    "Collect three real cases of {topic} and note what they have in common.",
    "Cut the {k1} in half and see whether anybody misses the rest.",
    "Write the announcement first, as if {topic} were already done.",
)


def opening(role: str, topic: str, dice: random.Random) -> str:
    """Return a first sentence in the manner of the role that the system message gives."""
    for pattern, lines in _OPENINGS.items():
        if re.search(pattern, role, re.IGNORECASE):
            return _capital(dice.choice(lines).format(topic=topic))
    raise AssertionError("the last pattern matches everything")


def statements(topic: str, words: Sequence[str], dice: random.Random, count: int) -> list[str]:
    """Return general sentences about a topic."""
    return [_filled(line, topic, words) for line in dice.sample(_STATEMENTS, count)]


def point(topic: str, word: str, dice: random.Random) -> str:
    """Return one sentence about a word's part in the topic."""
    return dice.choice(_POINTS).format(topic=topic, word=word)


def remark(topic: str, words: Sequence[str], dice: random.Random) -> str:
    """Return a sentence that ties material together."""
    return _filled(dice.choice(_REMARKS), topic, words)


def closing(topic: str, words: Sequence[str], dice: random.Random) -> str:
    """Return a last sentence."""
    return _filled(dice.choice(_CLOSINGS), topic, words)


def turn(dice: random.Random) -> str:
    """Return what leads from the facts to what follows from them."""
    return dice.choice(
        (
            "What follows from this is fairly concrete.",
            "Two consequences stand out.",
            "For the next steps, this is what matters.",
        )
    )


def summary_lead(words: Sequence[str], dice: random.Random) -> str:
    """Return the sentence over a summary's points."""
    first, second = _pair(words)
    return dice.choice(
        (
            f"The text is about {first} and {second}; these are its main points:",
            f"In brief, it is the {first} that connects everything else, above all the {second}:",
            f"Most of it concerns {first}, with {second} close behind:",
        )
    )


def critique_lead(role: str, dice: random.Random) -> str:
    """Return the verdict over a critique."""
    lines = ["The draft is sound at its core and would gain from being more specific."]
    lines.append("This reads well; its weak spots are few, but they sit in important places.")
    if re.search(r"strict|harsh|tough|skeptic|sceptic", role, re.IGNORECASE):
        return "The idea is good; the text does not prove it yet."
    return dice.choice(lines)


def praises(dice: random.Random) -> list[str]:
    """Return what can be said for a quoted passage, in changing order."""
    return dice.sample(_PRAISES, len(_PRAISES))


def doubts(dice: random.Random) -> list[str]:
    """Return what can be said against a quoted passage, in changing order."""
    return dice.sample(_DOUBTS, len(_DOUBTS))


def advice(words: Sequence[str], dice: random.Random) -> str:
    """Return what an author should do next."""
    first, second = _pair(words)
    return dice.choice(
        (
            f"Next step: open with the {first}, add one figure on the {second}, and cut the rest.",
            f"I would move the {first} to the front and back the {second} with an example.",
        )
    )


def pros(dice: random.Random) -> list[str]:
    """Return three things that speak for a topic."""
    return dice.sample(_PROS, 3)


def cons(dice: random.Random) -> list[str]:
    """Return three things that speak against a topic."""
    return dice.sample(_CONS, 3)


_SIDES = {
    "for": (
        "The case for it starts from what stays the same otherwise: the cost of waiting is paid every week, "
        "and nobody books it.",
        "What speaks for it is not one large gain but several small ones that add up.",
        "The best reason to do it is that it can be tried on a small scale and taken back.",
    ),
    "against": (
        "The case against it is about what is given up quietly, and noticed when it is gone.",
        "The trouble is not the idea but its second month, when the first enthusiasm has worn off.",
        "What speaks against it is that the gains are hoped for and the costs are certain.",
    ),
}
_VERDICTS = (
    "Both sides are right about something: the gains are plausible, and the costs are real.",
    "Neither side settles it, because each speaks about another part of the question.",
    "The arguments for it are about what could be won, those against it about what must be kept.",
)
_ADVICE = (
    "I recommend to **try it for a quarter**, with two numbers agreed on before the start, and to stop if "
    "either falls.",
    "I recommend to **go ahead in one group first**, and to decide about the rest when its results are in.",
    "I recommend to **wait one month**, measure where things stand today, and then begin with a small trial.",
)


def side(which: str, dice: random.Random) -> str:
    """Return how an argument ``for`` or ``against`` something opens."""
    return dice.choice(_SIDES[which])


def verdict(dice: random.Random) -> tuple[str, str]:
    """Return a judgement and a recommendation."""
    return dice.choice(_VERDICTS), dice.choice(_ADVICE)


def ideas(topic: str, words: Sequence[str], dice: random.Random, count: int) -> list[str]:
    """Return that many ideas."""
    found = [_filled(line, topic, words) for line in dice.sample(_IDEAS, min(count, len(_IDEAS)))]
    while len(found) < count:
        found.append(point(topic, words[len(found) % len(words)], dice))
    return found


def table_rows(words: Sequence[str], dice: random.Random) -> list[list[str]]:
    """Return a header and a few rows."""
    verdicts = ("strong", "fair", "open", "weak", "good")
    notes = (
        "worth a second look",
        "settled",
        "depends on the case",
        "changes slowly",
        "easy to test",
    )
    rows = [["Aspect", "Standing", "Note"]]
    return rows + [
        [_capital(word), dice.choice(verdicts), dice.choice(notes)] for word in words[:4]
    ]


def haiku(words: Sequence[str], dice: random.Random) -> str:
    """Return three lines around the first word."""
    first, second = _pair(words)
    ends = ("the page is still white", "and nobody asks the rain", "a door left open")
    middles = (
        f"the {second} waits, patiently",
        f"somewhere a {second} turns",
        f"{second}, and then silence",
    )
    starts = (f"{_capital(first)} at first light", f"Early {first}, late moon", f"Quiet {first}")
    return f"{dice.choice(starts)},\n{dice.choice(middles)}:\n{dice.choice(ends)}."


def poem(topic: str, words: Sequence[str], dice: random.Random) -> str:
    """Return two stanzas."""
    first, second = _pair(words)
    stanzas = (
        f"""I asked the {first} what it knew,
it answered in a word or two:
the road is long, the light is thin,
but every {second} lets you in.""",
        f"""So here we stand with {topic},
a candle and an open hand,
and what we could not say before
is written softly in the sand.""",
        f"""The {second} sleeps, the {first} wakes,
a morning made of small mistakes,
and still the kettle starts to sing
as if it knew of everything.""",
    )
    return "\n\n".join(dice.sample(stanzas, 2))


def greeting(dice: random.Random) -> str:
    """Return an answer to somebody who only says hello, honest about who is speaking."""
    start = dice.choice(("Hello!", "Hi there!", "Good to see you!"))
    return (
        f"{start} This is the offline model: it answers without a key, a network or a cost, and "
        "knows nothing. Give it a text to summarise, a draft to review or a topic for a list, and "
        "it writes something of the right shape, always the same for the same prompt."
    )


def untranslated(text: str) -> str:
    """Return an answer to a wish that cannot be granted."""
    return f"The offline model does not translate, so the text stays as it is: “{text}”"


def title(topic: str, words: Sequence[str], dice: random.Random) -> str:
    """Return one title."""
    first, second = _pair(words)
    return dice.choice(
        (
            f"{_capital(topic)}: What Really Matters",
            f"From {_capital(first)} to {_capital(second)}",
            f"The Quiet Case for {_capital(topic)}",
            f"{_capital(first)}, {_capital(second)} and the Road Ahead",
        )
    )


def _filled(line: str, topic: str, words: Sequence[str]) -> str:
    first, second = _pair(words)
    return _capital(line.format(topic=topic, k1=first, k2=second))


def _pair(words: Sequence[str]) -> tuple[str, str]:
    return words[0], words[1] if len(words) > 1 else "context"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
