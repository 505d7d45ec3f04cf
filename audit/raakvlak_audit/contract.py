"""What an officer wants to know of the contract: does every field say what it is, does nothing travel where it must not,
and can nobody be looked up. Rules over the declared ways; no I/O.

What is allowed stands here a second time, apart from the contract: a field that is added there with a class or on a way
that nobody agreed to is found by whoever runs this, not only by whoever reviewed the change.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from raakvlak_audit.report import Check, Table, Verdict
from raakvlak_audit.sentences import contract as words
from raakvlak_audit.sentences.purposes import in_dutch
from raakvlak_audit.wording import Cell, Said, Sentence
from raakvlak_protocol.contract import Field, Way

ALLOWED: Final[Sequence[str]] = ("blinded", "sealed", "routing", "counter", "proof", "public")
PUBLISH: Final = "Index.Publish"

_BLINDED_WAYS: Final = frozenset(
    {("node", "key holder"), ("key holder", "node"), ("node", "index"), ("node", "compliance officer")}
)
_SEALED_WAYS: Final = frozenset({("node", "index"), ("index", "node"), ("node", "node")})

NAMES_SOMETHING: Final[Mapping[tuple[str, str], Sentence]] = {
    ("Index.Withdraw", "references"): words.OWN_ROWS,
    ("Index.Openings", "references"): words.OWN_ROWS,
    ("Index.PostLetter", "match_id"): words.TOLD_MATCH,
    ("Index.PostLetter", "to"): words.TOLD_RECEIVER,
}
"""Every text or byte string by which a call to the index can point at something, and why that is no look-up."""

_TELLS_MATCHES: Final = frozenset({"Index.Watch", "Index.Replay"})
_MATCH_MESSAGES: Final = frozenset({"Match", "MatchEnded", "Mediation", "Event", "EventBatch"})

_PERSONAL: Final = (
    "bsn", "birth", "postcode", "house", "street", "reason", "diagnos", "surname", "given", "gender", "phone", "email"
)  # fmt: skip
_NOT_PERSONAL: Final = frozenset({("Refusal", "reason")})


def checks(ways: Sequence[Way], problems: Sequence[str]) -> tuple[Check, ...]:
    """The verdicts over all ways; `problems` is what the contract says of its own completeness."""
    return (_complete(ways, problems), _classes(ways), _where(ways), _no_look_up(ways), _matches(ways), _personal(ways))


def fingerprint(ways: Iterable[Way]) -> bytes:
    """SHA-256 over every field of every way: the same for everybody who runs the same contract."""
    lines = [
        "\t".join((way.title, way.sender, way.receiver, each.message, each.name, each.type, each.data_class, each.purpose))
        for way, each in _fields(ways)
    ]
    return hashlib.sha256("\n".join(lines).encode()).digest()


def table(ways: Iterable[Way]) -> Table:
    """All of it, a row for each field on each way."""
    headings = (words.WAY(), words.FROM(), words.TO(), words.FIELD(), words.TYPE(), words.CLASS(), words.PURPOSE())
    rows = tuple(
        (
            way.title,
            party(way.sender),
            party(way.receiver),
            each.name if each.message == way.title else f"{each.message}.{each.name}",
            each.type,
            _class(each.data_class),
            purpose(each.purpose),
        )
        for way, each in _fields(ways)
    )
    return Table(headings, rows, brief=0, title=words.ALL_FIELDS())


def party(name: str) -> Said:
    """A party in the reader's language."""
    return words.PARTIES.get(name, Sentence(name, name))()


def purpose(english: str) -> Said:
    """A field's purpose; in English where nobody has put it into Dutch yet."""
    braced = (text.replace("{", "{{").replace("}", "}}") for text in (english, in_dutch(english)))
    return Sentence(*braced)()


def _complete(ways: Sequence[Way], problems: Sequence[str]) -> Check:
    count = sum(1 for _ in _fields(ways))
    found = [words.PROBLEM(problem=each) for each in problems] or [words.COMPLETE(fields=count, ways=len(ways))]
    return Check("complete", words.COMPLETE_NAME(), words.COMPLETE_HOW(), _verdict(problems), tuple(found))


def _classes(ways: Sequence[Way]) -> Check:
    strange = [(way, each) for way, each in _fields(ways) if each.data_class not in ALLOWED]
    counts = Counter(each.data_class for _, each in _fields(ways))
    rows: tuple[tuple[Cell, ...], ...] = tuple((_class(each), words.MEANS[each](), counts[each]) for each in ALLOWED)
    found = [words.STRANGE_CLASS(field=each.name, way=way.title, name=each.data_class or "–") for way, each in strange]
    return Check(
        "classes",
        words.CLASSES_NAME(),
        words.CLASSES_HOW(),
        _verdict(strange),
        tuple(found) or (words.CLASSES_FOUND(),),
        (Table((words.CLASS(), words.MEANING(), words.FIELDS()), rows),),
    )


def _where(ways: Sequence[Way]) -> Check:
    allowed = {"blinded": _BLINDED_WAYS, "sealed": _SEALED_WAYS}
    strange = [
        (way, each)
        for way, each in _fields(ways)
        if (way.sender, way.receiver) not in allowed.get(each.data_class, {(way.sender, way.receiver)})
    ]
    found = [
        words.STRANGE_WAY(field=each.name, name=_class(each.data_class), sender=party(way.sender), receiver=party(way.receiver))
        for way, each in strange
    ]
    return Check("ways", words.WHERE_NAME(), words.WHERE_HOW(), _verdict(strange), tuple(found) or (words.WHERE_FOUND(),))


def _no_look_up(ways: Sequence[Way]) -> Check:
    found = [*_questions_about_a_token(ways), *_unreviewed_questions(ways)]
    calls = [way for way in ways if way.receiver == "index" and way.title.startswith("Index.")]
    answers = {way.title: way for way in ways if way.sender == "index"}
    rows = tuple((way.title, _names(way), _names(answers[way.title]), _why_none(way)) for way in calls if way.title in answers)
    return Check(
        "no_look_up",
        words.LOOK_UP_NAME(),
        words.LOOK_UP_HOW(),
        _verdict(found),
        tuple(found) or (words.LOOK_UP_FOUND(calls=len(calls)), words.LOOK_UP_LOG()),
        (Table((words.CALL(), words.ASKED(), words.ANSWERED(), words.WHY()), rows, brief=30),),
    )


def _questions_about_a_token(ways: Sequence[Way]) -> Iterator[Said]:
    for way, each in _fields(ways):
        derived = each.data_class == "blinded" or ("token" in each.name and each.data_class != "public")
        if way.receiver == "index" and derived and way.title != PUBLISH:
            yield words.TAKES_TOKEN(way=way.title, field=each.name)
        if way.sender == "index" and derived:
            yield words.TELLS_TOKEN(way=way.title, field=each.name)


def _unreviewed_questions(ways: Sequence[Way]) -> Iterator[Said]:
    for way, each in _fields(ways):
        points = each.data_class == "routing" and each.type.removeprefix("repeated ") in ("bytes", "string")
        asked = way.receiver == "index" and way.title.startswith("Index.")
        if asked and points and (way.title, each.name) not in NAMES_SOMETHING:
            yield words.UNREVIEWED(way=way.title, field=each.name)


def _matches(ways: Sequence[Way]) -> Check:
    telling = sorted(
        {way.title for way, each in _fields(ways) if way.sender == "index" and each.message in _MATCH_MESSAGES} - _TELLS_MATCHES
    )
    found = [words.MATCH_TOLD(way=each) for each in telling]
    return Check("matches", words.MATCH_NAME(), words.MATCH_HOW(), _verdict(found), tuple(found) or (words.MATCH_FOUND(),))


def _personal(ways: Sequence[Way]) -> Check:
    """By name only: that no field with another name carries such a thing is what the code's tests are for."""
    strange = [
        (way, each)
        for way, each in _fields(ways)
        if each.data_class not in ("sealed", "public")
        and (each.message, each.name) not in _NOT_PERSONAL
        and any(word in each.name for word in _PERSONAL)
    ]
    found = [words.PERSONAL_FIELD(way=way.title, field=each.name) for way, each in strange]
    return Check(
        "personal", words.PERSONAL_NAME(), words.PERSONAL_HOW(), _verdict(found), tuple(found) or (words.PERSONAL_FOUND(),)
    )


def _why_none(way: Way) -> Said:
    if way.title == PUBLISH:
        return words.OWN_INVOLVEMENT()
    reasons = [NAMES_SOMETHING[way.title, each.name] for each in way.fields if (way.title, each.name) in NAMES_SOMETHING]
    return reasons[0]() if reasons else words.NAMES_NOTHING()


def _names(way: Way) -> str:
    """The fields of the outer message and of what it holds, without the covenant's hash that stands in every call."""
    return ", ".join(dict.fromkeys(each.name for each in way.fields if each.name != "covenant_hash"))


def _class(name: str) -> Said:
    return words.CLASS_NAMES[name]() if name in words.CLASS_NAMES else Sentence(name or "–", name or "–")()


def _verdict(wrong: Sequence[object]) -> Verdict:
    return Verdict.WRONG if wrong else Verdict.OK


def _fields(ways: Iterable[Way]) -> Iterator[tuple[Way, Field]]:
    return ((way, each) for way in ways for each in way.fields)
