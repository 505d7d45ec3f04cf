"""Follow-ups in words, in Dutch and English: for a terminal, and for whoever prints what stands there."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from raakvlak_node.wording import Language

if TYPE_CHECKING:
    from raakvlak_node.rest.agreements import AgreementBody
    from raakvlak_node.rest.desk import DeskBody, MediationBody, QuestionBody
    from raakvlak_node.rest.standing import FollowUpBody, FollowUpItem, StepBody, WhomBody

SHORT_ID: Final = 8

_WORDS: Final[dict[Language, dict[str, str]]] = {
    "nl": {
        "signalled": "gesignaleerd",
        "acknowledged": "bevestigd",
        "in_contact": "contact gelegd",
        "already_in_contact": "had al contact",
        "agreed": "afspraken gemaakt",
        "evaluation_due": "evaluatie nodig",
        "escalated": "opgeschaald",
        "closed": "afgesloten",
        "withdrawn": "ingetrokken",
        "expired": "verlopen",
        "acknowledge": "bevestigen",
        "contact": "contact leggen",
        "agreement": "afspraken maken",
        "evaluation": "evalueren",
        "by": "uiterlijk",
        "late": "TE LAAT",
        "by whom": "door",
        "coordinator from": "daarna gaat het op {day} naar {who}",
        "with": "met",
        "case": "zaak",
        "match_client": "zelfde cliënt",
        "match_family": "zelfde gezin",
        "nothing": "Er zijn geen matches waar iets aan te doen is.",
        "can": "u kunt",
        "nothing to do": "u kunt nu niets doen",
        "lead": "regie",
        "call": "bel",
        "in force": "geldende afspraken, versie {version}",
        "proposed": "voorgestelde afspraken, versie {version}",
        "no text": "afspraken, waarvan de tekst hier niet is",
        "evaluate on": "evalueren op",
        "parents": "ouders",
        "youth": "jeugdige",
        "agrees": "akkoord",
        "informed_only": "alleen geïnformeerd",
        "not_informed": "niet geïnformeerd",
        "because": "want",
        "signed": "ondertekend",
        "not signed": "NOG NIET ondertekend",
        "history": "wat er gebeurde",
        "no effect": "kruiste, zonder gevolg",
        "released": "de coördinator mag lezen wat hier geschreven is",
        "seen": "stand",
        "step acknowledged": "heeft de match bevestigd",
        "step contacted": "had contact op {day}",
        "step already_in_contact": "had al contact",
        "step resumed": "hervat",
        "step proposed": "stelt afspraken voor",
        "step disagreed": "komt er niet uit",
        "step escalated": "schakelt de coördinator in",
        "step term": "de termijn is voorbij: de coördinator wordt ingeschakeld",
        "step decided": "beslist: de regie is bij {lead}",
        "step evaluated": "heeft geëvalueerd",
        "step closed": "sluit af",
        "step reopened": "heropent",
        "step signed": "heeft ondertekend",
        "can acknowledged": "bevestigen",
        "can contacted": "een contact noteren",
        "can already_in_contact": "melden dat er al contact was",
        "can resumed": "hervatten",
        "can proposed": "afspraken voorstellen",
        "can sign": "ondertekenen",
        "can disagreed": "melden dat u er niet uitkomt",
        "can escalated": "de coördinator inschakelen",
        "can decided": "beslissen wie de regie heeft",
        "can evaluated": "een evaluatie noteren",
        "can closed": "afsluiten",
        "can reopened": "heropenen",
        "since": "sinds",
        "desk empty": "Er ligt niets bij deze coördinator.",
        "only you": "alleen u weet hiervan",
        "may ask": "u mag vragen aan",
        "asked": "gevraagd aan",
        "no answer": "nog geen antwoord",
        "kept": "niet vrijgegeven",
        "let go": "vrijgegeven",
        "no asks": "Geen coördinator heeft iets gevraagd.",
        "asks about": "vraagt naar",
    },
    "en": {
        "signalled": "signalled",
        "acknowledged": "acknowledged",
        "in_contact": "in contact",
        "already_in_contact": "already in contact",
        "agreed": "agreements made",
        "evaluation_due": "evaluation due",
        "escalated": "escalated",
        "closed": "closed",
        "withdrawn": "withdrawn",
        "expired": "expired",
        "acknowledge": "acknowledge",
        "contact": "make contact",
        "agreement": "come to agreements",
        "evaluation": "evaluate",
        "by": "by",
        "late": "LATE",
        "by whom": "for",
        "coordinator from": "after that it goes to {who} on {day}",
        "with": "with",
        "case": "case",
        "match_client": "same client",
        "match_family": "same family",
        "nothing": "There are no matches to do anything about.",
        "can": "you can",
        "nothing to do": "there is nothing for you to do now",
        "lead": "lead",
        "call": "call",
        "in force": "agreement in force, version {version}",
        "proposed": "proposed agreement, version {version}",
        "no text": "an agreement, of which the text is not here",
        "evaluate on": "evaluate on",
        "parents": "parents",
        "youth": "youth",
        "agrees": "agrees",
        "informed_only": "informed only",
        "not_informed": "not informed",
        "because": "because",
        "signed": "signed",
        "not signed": "has NOT signed yet",
        "history": "what happened",
        "no effect": "crossed, without effect",
        "released": "the coordinator may read what was written here",
        "seen": "seen",
        "step acknowledged": "acknowledged the match",
        "step contacted": "was in contact on {day}",
        "step already_in_contact": "was already in contact",
        "step resumed": "resumed it",
        "step proposed": "proposes an agreement",
        "step disagreed": "reaches no agreement",
        "step escalated": "calls in the coordinator",
        "step term": "the term has passed: the coordinator is called in",
        "step decided": "decides: {lead} leads",
        "step evaluated": "evaluated",
        "step closed": "closes it",
        "step reopened": "reopens it",
        "step signed": "signed",
        "can acknowledged": "acknowledge it",
        "can contacted": "note a contact",
        "can already_in_contact": "say that you were already in contact",
        "can resumed": "resume it",
        "can proposed": "propose an agreement",
        "can sign": "sign the proposal",
        "can disagreed": "say that you reach no agreement",
        "can escalated": "call in the coordinator",
        "can decided": "decide who leads",
        "can evaluated": "note an evaluation",
        "can closed": "close it",
        "can reopened": "reopen it",
        "since": "since",
        "desk empty": "Nothing is before this coordinator.",
        "only you": "only you know of this",
        "may ask": "you may ask",
        "asked": "asked",
        "no answer": "no answer yet",
        "kept": "not released",
        "let go": "released",
        "no asks": "No coordinator has asked anything.",
        "asks about": "asks about",
    },
}


def phase(phase: str, language: Language) -> str:
    """How far a follow-up has come; empty for none."""
    return _WORDS[language][phase] if phase else ""


def listed(items: "Sequence[FollowUpItem]", language: Language) -> Iterator[str]:
    """One line for each."""
    words = _WORDS[language]
    for each in items:
        yield f"{each.id[:SHORT_ID]}  {_about(each, words)}: {words[each.phase]}{_due(each, words)}"
    if not items:
        yield words["nothing"]


def _about(item: "FollowUpItem", words: dict[str, str]) -> str:
    if item.case_ref is None:
        return " – ".join(item.sides)
    return f"{item.case_ref} {words['with']} {item.other_name} ({item.other_case_ref})"


def _due(item: "FollowUpItem", words: dict[str, str]) -> str:
    if item.due_term is None or item.due_on is None:
        return ""
    late = f" {words['late']}" if item.overdue else ""
    return f"; {words[item.due_term]} {words['by']} {item.due_on}{late}"


def shown(found: "FollowUpBody", language: Language) -> Iterator[str]:
    """All of one follow-up."""
    words = _WORDS[language]
    # A coordinator is not told how the two cases touch.
    yield _about(found, words) + (f" — {words[f'match_{found.kind}']}" if found.case_ref is not None else "")
    yield f"  {words[found.phase]}{_due(found, words)}"
    if found.due is not None:
        yield f"    {words['by whom']} {', '.join(found.due.whose)}"
        if found.due.escalates_on is not None:
            yield f"    {words['coordinator from'].format(day=found.due.escalates_on, who=found.coordinator)}"
    if found.lead:
        yield f"  {words['lead']}: {found.lead}"
    yield from (f"  {each}" for each in _called(found.contacts, words))
    if found.released:
        yield f"  {words['released']}"
    can = ", ".join(words[f"can {each}"] for each in found.allowed)
    yield f"  {words['can']}: {can}" if can else f"  {words['nothing to do']}"
    yield from _agreement(found.agreement, "in force", words)
    yield from _agreement(found.proposal, "proposed", words)
    yield f"  {words['history']}:"
    for step in found.steps:
        yield from _step(step, words)
    yield f"  {words['seen']} {found.seen}, {found.id}"


def _called(contacts: "Sequence[WhomBody]", words: dict[str, str]) -> Iterator[str]:
    for each in contacts:
        who = ", ".join(part for part in (each.name, each.function) if part)
        how = ", ".join(part for part in (each.phone, each.email) if part)
        yield f"{words['call']} {each.member_name}, {who}: {how} ({each.case_ref})"


def _agreement(found: "AgreementBody | None", which: str, words: dict[str, str]) -> Iterator[str]:
    if found is None:
        return
    terms = found.terms
    yield f"  {words['no text'] if terms is None else words[which].format(version=found.version)}"
    if terms is not None:
        for task in terms.tasks:
            yield f"    {task.who}: {' '.join(task.what.split())} ({words['by']} {task.by})"
        yield f"    {words['lead']} {terms.lead}, {words['evaluate on']} {terms.evaluate_on}"
        yield f"    {words['parents']} {words[terms.parents]}, {words['youth']} {words[terms.youth]}"
        if terms.because:
            yield f"    {words['because']} {' '.join(terms.because.split())}"
    for party in found.parties:
        signed = words["not signed"] if party.signed is None else f"{words['signed']} {party.signed:%Y-%m-%d %H:%M} UTC"
        yield f"    {party.member} ({party.case_ref}): {signed}"


def _step(step: "StepBody", words: dict[str, str]) -> Iterator[str]:
    what = words["step term" if step.cause == "term" else f"step {step.what}"].format(day=step.day, lead=step.lead)
    crossed = "" if step.counted else f" ({words['no effect']})"
    yield f"    {step.at:%Y-%m-%d %H:%M}  {step.by} {what}{crossed}"
    for line in (step.text or "").splitlines():
        yield f"        {line}"


def desk(found: "DeskBody", language: Language) -> Iterator[str]:
    """What is before a coordinator: with whom, since when, whom to call."""
    words = _WORDS[language]
    for each in found.follow_ups:
        yield f"{each.id[:SHORT_ID]}  {_about(each, words)}: {words[each.phase]}, {words['since']} {each.since:%Y-%m-%d}"
        yield from (f"          {line}" for line in _called(each.contacts, words))
    for heard in found.mediations:
        yield from mediation(heard, language)
    if not found.follow_ups and not found.mediations:
        yield words["desk empty"]


def mediation(found: "MediationBody", language: Language) -> Iterator[str]:
    """A match that only a coordinator hears of."""
    words = _WORDS[language]
    yield f"{found.id[:SHORT_ID]}  {' – '.join(found.names)}: {words['only you']}, {words['since']} {found.began:%Y-%m-%d}"
    if found.askable:
        yield f"          {words['may ask']} {', '.join(found.askable)}"
    for each in found.asks:
        answer = words["no answer"] if each.released is None else words["let go" if each.released else "kept"]
        yield f"          {words['asked']} {each.member} {each.asked:%Y-%m-%d}: {answer}"
        yield from (f"              {line}" for line in each.answer.splitlines())


def questions(found: "Sequence[QuestionBody]", language: Language) -> Iterator[str]:
    """What coordinators ask a side."""
    words = _WORDS[language]
    for each in found:
        how = ", ".join(part for part in (each.phone, each.email) if part)
        yield f"{each.match_id[:SHORT_ID]}  {each.coordinator_name} {words['asks about']} {', '.join(each.case_refs)}"
        yield from (f"          {line}" for line in each.text.splitlines())
        yield f"          {words['call']} {each.name}: {how}"
    if not found:
        yield words["no asks"]
