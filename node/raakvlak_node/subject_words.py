"""The words of the subject-access report, each in Dutch and English side by side. Written for a reader of sixteen."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from raakvlak_node.wording import Language

_MONTHS: Final[dict[Language, str]] = {
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "en": "January February March April May June July August September October November December",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What is said, in both languages; placeholders are `str.format`'s, and the same in both."""

    nl: str
    en: str

    def __call__(self, language: Language, **values: object) -> str:
        return (self.nl if language == "nl" else self.en).format(**values)


def day(value: date, language: Language) -> str:
    """A day as people write it."""
    return f"{value.day} {_MONTHS[language].split()[value.month - 1]} {value.year}"


def moment(value: datetime, language: Language) -> str:
    """A moment, to the minute, in the time of the Netherlands."""
    return f"{day(value, language)}, {value:%H:%M}"


TITLE: Final = Words("Wat weet {name} van u?", "What does {name} know about you?")
YOU: Final = Words(
    "In dit rapport is ‘u’ de persoon over wie het gaat, ook als iemand anders het voor die persoon vraagt.",
    "In this report ‘you’ is the person whom it is about, also where somebody else asks on that person's behalf.",
)
ABOUT: Final = Words("Over wie gaat dit rapport?", "Whom is this report about?")
NUMBER: Final = Words("Burgerservicenummer eindigt op", "Citizen service number ends with")
ASKED_BY: Final = Words("Gevraagd door", "Asked for by")
MADE: Final = Words("Gemaakt op", "Made on")
ORGANISATION: Final = Words("Organisatie", "Organisation")
CONTROLLER: Final = Words("Verantwoordelijk voor de gegevens", "Responsible for the data")
PROCESSOR: Final = Words("Verwerkt namens hen", "Processed for them by")
ASKING: Final = {
    "subject": Words("de persoon zelf", "the person"),
    "parent": Words("een ouder", "a parent"),
    "both": Words("de jongere en een ouder samen", "the youth and a parent together"),
    "representative": Words("een vertegenwoordiger", "a representative"),
}

LEFT_OUT: Final = Words(
    "In elk rapport, ook in dit, kan iets ontbreken. De wet staat dat in bijzondere gevallen toe: artikel 23 van de AVG en "
    "artikel 41 van de Uitvoeringswet AVG, en voor gegevens van de politie de Wet politiegegevens. Deze zin staat in elk "
    "rapport. Er valt niet uit af te leiden of er iets ontbreekt.",
    "Any report, this one too, may leave something out. In special cases the law allows it: article 23 of the GDPR and "
    "article 41 of the Dutch implementation act (UAVG), and for data of the police the Police Data Act (Wpg). This sentence "
    "stands in every report. It does not tell whether anything was left out.",
)
OTHER_LAW: Final = {
    "Wpg": Words(
        "Let op: voor de gegevens van deze organisatie geldt niet de AVG maar de Wet politiegegevens (Wpg). U vraagt inzage "
        "dan met een verzoek op grond van de Wpg.",
        "Note: to the data of this organisation not the GDPR applies but the Police Data Act (Wpg). You then ask for access "
        "by a request under the Wpg.",
    ),
    "Wjsg": Words(
        "Let op: voor de gegevens van deze organisatie geldt meestal niet de AVG maar de Wet justitiële en strafvorderlijke "
        "gegevens (Wjsg). U vraagt inzage dan met een verzoek op grond van de Wjsg.",
        "Note: to the data of this organisation mostly not the GDPR applies but the Judicial and Criminal Records Act (Wjsg). "
        "You then ask for access by a request under the Wjsg.",
    ),
}

# --- what we know -----------------------------------------------------------------------------------------------------

KNOW: Final = Words("Wat weten wij?", "What do we know?")
KNOW_INTRO: Final = Words(
    "In deze zaken komt u voor. Het gaat er alleen om dát wij betrokken zijn. Waarom, staat niet in dit systeem. ‘Gedeeld’ is "
    "met organisaties die u ook kennen.",
    "You appear in these cases. What counts is only that we are involved. Why is not in this system. "
    "‘Shared’ is with organisations that know you too.",
)
KNOW_NOTHING: Final = Words(
    "Er is niets over u dat in dit rapport staat.",
    "There is nothing about you that stands in this report.",
)
SOURCE: Final = Words(
    "Deze gegevens komen uit onze eigen administratie. Geen computer neemt een besluit over u.",
    "These data come from our own records. No decision about you is made by computer.",
)
CASE: Final = Words("Onze zaak", "Our case")
YOU_ARE: Final = Words("U bent", "You are")
YOU_WERE: Final = Words("U was", "You were")
CASE_ENDED: Final = Words("Beëindigd op", "Ended on")
SINCE: Final = Words("Sinds", "Since")
WORKER: Final = Words("Onze medewerker", "Our staff member")
SHARED: Final = Words("Gedeeld", "Shared")
UNTIL: Final = Words("Uiterlijk tot", "Until at the latest")
VISIBILITY: Final = {
    "direct": Words("ja", "yes"),
    "none": Words("nee", "no"),
}
RELATION: Final = {
    "client": Words("de cliënt", "the client"),
    "parent": Words("ouder van de cliënt", "parent of the client"),
    "child": Words("kind van de cliënt", "child of the client"),
    "sibling": Words("broer of zus van de cliënt", "brother or sister of the client"),
    "address": Words("bewoner van hetzelfde adres", "living at the same address"),
}

# --- what we shared ---------------------------------------------------------------------------------------------------

LEFT: Final = Words("Wat hebben wij gedeeld?", "What have we shared?")
LEFT_INTRO: Final = Words(
    "Wij delen geen naam, nummer of adres. Wij sturen een code naar een centrale plek, de index van {index}. Aan de code is "
    "niet te zien om wie het gaat. Heeft een andere organisatie dezelfde code, dan horen beide dat. Een code staat er hooguit "
    "{months} maanden; daarna gaat ze weg.",
    "We share no name, number or address. We send a code to a central place, the index of {index}. The code does not show "
    "whom it is about. Where another organisation has the same code, both are told. A code stands there for at most {months} "
    "months; then it goes.",
)
ADDRESSES: Final = Words(
    "Ook voor een woonadres kan er een code zijn. Adressen staan niet in dit rapport, omdat er ook anderen wonen.",
    "There may be a code for a home address too. Addresses do not stand in this report, because others live there too.",
)
LEFT_NOTHING: Final = Words("Hier staat geen code.", "No code stands here.")
SENT: Final = Words("Code verstuurd op", "Code sent on")
PERIOD: Final = Words("Sleutelperiode", "Key period")
PROOF: Final = Words("Gezien in het openbare logboek", "Seen in the public log")
YES: Final = Words("ja", "yes")
NOT_YET: Final = Words("nog niet", "not yet")
LOG: Final = Words(
    "Van elke code maakt de index een regel in een openbaar logboek, dat niemand ongemerkt kan wijzigen. Het nummer van die "
    "regel staat niet in dit rapport: daarmee zou een ander u in het logboek kunnen volgen. Onze functionaris "
    "gegevensbescherming kan de regel voor u nakijken.",
    "For each code the index adds a line to a public log that nobody can change unseen. The number of that line does not "
    "stand in this report: with it somebody else could follow you in the log. Our data-protection officer can check the line "
    "for you.",
)

# --- who else ---------------------------------------------------------------------------------------------------------

MATCHES: Final = Words("Welke andere organisaties zijn ook betrokken?", "Which other organisations are involved too?")
MATCHES_INTRO: Final = Words(
    "Deze organisaties kennen u ook. Wat zij over u weten, vraagt u bij hen.",
    "These organisations know you too. What they know about you, ask them.",
)
MATCHES_NOTHING: Final = Words("Hier staat geen andere organisatie.", "No other organisation stands here.")
WITH: Final = Words("{other}, bij onze zaak {case}", "{other}, at our case {case}")
KIND: Final = Words("Wat hebben wij gemeen?", "What do we have in common?")
KINDS: Final = {
    "client": Words("dezelfde cliënt", "the same client"),
    "family": Words("hetzelfde gezin", "the same family"),
}
FOUND: Final = Words("Wij weten dat sinds", "We know since")
ENDED: Final = Words("Niet meer sinds", "No more since")
THEY_SINCE: Final = Words("Zij zijn betrokken sinds", "They are involved since")
THEIR_WORKER: Final = Words("Hun medewerker", "Their staff member")
RECEIVED: Final = Words("Wij ontvingen van hen", "We received from them")
RECEIVINGS: Final = {
    "relation": Words("hoe u bij hen bekend bent", "as what you are known there"),
    "contact": Words("wie er te bellen is", "whom to call"),
    "follow_up": Words("wat zij deden", "what they did"),
}
STANDS: Final = Words("Hoe staat het ervoor?", "How do things stand?")
PHASES: Final = {
    "signalled": Words("gezien", "seen"),
    "acknowledged": Words("beide hebben het gezien", "both have seen it"),
    "in_contact": Words("wij hebben elkaar gesproken", "we have spoken"),
    "already_in_contact": Words("wij hadden al contact", "we were in contact already"),
    "agreed": Words("er zijn afspraken", "there are agreements"),
    "evaluation_due": Words("de afspraken worden besproken", "the agreements are to be evaluated"),
    "escalated": Words("een coördinator kijkt mee", "a coordinator has been called in"),
    "closed": Words("afgesloten", "closed"),
    "withdrawn": Words("voorbij", "over"),
    "expired": Words("voorbij, de termijn is om", "over, its term has passed"),
}
STEPS: Final = Words("Wat is er gedaan?", "What was done?")
WHEN: Final = Words("Wanneer", "When")
WHO: Final = Words("Wie", "Who")
WHAT: Final = Words("Wat", "What")
DONE: Final = {
    "acknowledged": Words("heeft het gezien", "has seen it"),
    "contacted": Words("heeft contact gehad met de ander", "was in contact with the other"),
    "already_in_contact": Words("had al contact met de ander", "was in contact with the other already"),
    "resumed": Words("pakt het weer op", "takes it up again"),
    "proposed": Words("stelt afspraken voor", "proposes agreements"),
    "disagreed": Words("is het niet eens geworden met de ander", "found no agreement with the other"),
    "escalated": Words("heeft een coördinator gevraagd", "has called in a coordinator"),
    "decided": Words("heeft beslist wie de leiding heeft", "has decided who leads"),
    "evaluated": Words("heeft de afspraken besproken", "has evaluated the agreements"),
    "closed": Words("heeft het afgesloten", "has closed it"),
    "reopened": Words("heeft het weer geopend", "has reopened it"),
    "signed": Words("heeft de afspraken ondertekend", "has signed the agreements"),
}
AGREED: Final = Words("Wat is er afgesproken?", "What was agreed?")
LEAD: Final = Words("De leiding heeft", "The lead is with")
EVALUATE: Final = Words("Wij bespreken de afspraken op", "We evaluate the agreements on")
PARENTS: Final = Words("Ouders", "Parents")
YOUTH: Final = Words("Jongere", "Youth")
INFORMED: Final = {
    "agrees": Words("weten het en vinden het goed", "know of it and agree"),
    "informed_only": Words("weten het", "know of it"),
}
SIGNED: Final = Words("Ondertekend door", "Signed by")
NOT_SIGNED: Final = Words("nog niet", "not yet")
TASK: Final = Words("{who}: {what} (uiterlijk {by})", "{who}: {what} (by {by})")
NOT_TOLD: Final = Words(
    "Wat medewerkers in eigen woorden opschreven en hun namen staan niet in dit rapport: dat raakt ook de rechten van anderen "
    "(AVG artikel 15, lid 4). Ook organisaties die wij alleen via een ander gezinslid vonden, staan er niet in.",
    "What staff wrote in their own words and their names do not stand in this report: the rights of others are touched too "
    "(GDPR article 15(4)). Neither do organisations that we found only through somebody else in the family.",
)

# --- letters ----------------------------------------------------------------------------------------------------------

LETTERS: Final = Words("Welke brieven zijn verstuurd?", "Which letters were sent?")
LETTERS_INTRO: Final = Words(
    "Organisaties die u beide kennen, sturen elkaar verzegelde brieven. Daarin kan staan: of u cliënt of familielid bent, wie "
    "er te bellen is en sinds wanneer, het kenmerk van de zaak, en wat er over het contact en de afspraken is vastgelegd. "
    "Alleen de ontvanger kan ze lezen.",
    "Organisations that both know you send each other sealed letters. They can hold: whether you are client or family, whom to "
    "call and since when, the reference of the case, and what was noted on contact and agreements. Only the receiver can read "
    "them.",
)
LETTERS_NOTHING: Final = Words("Hier staat geen brief.", "No letter stands here.")
TO: Final = Words("Aan", "To")
SIZE: Final = Words("Grootte (bytes)", "Size (bytes)")
ANOTHER: Final = Words("een andere organisatie", "another organisation")

# --- who looked -------------------------------------------------------------------------------------------------------

LOOKS: Final = Words("Wie heeft er gekeken?", "Who has looked?")
LOOKS_INTRO: Final = Words(
    "Dit hield het systeem bij over uw zaken en over u. Wij bewaren het vijf jaar.",
    "This is what the system kept about your cases and about you. We keep it for five years.",
)
LOOKS_NOTHING: Final = Words("Hier staat niets.", "Nothing stands here.")
ROLES: Final = {
    "administrator": Words("beheerder", "administrator"),
    "system": Words("ons dossiersysteem", "our case system"),
    "node": Words("dit systeem zelf", "this system by itself"),
}
EVENTS: Final = {
    "create": Words("toegevoegd", "added"),
    "read": Words("bekeken", "looked at"),
    "update": Words("gewijzigd", "changed"),
    "delete": Words("gewist", "erased"),
    "search": Words("gezocht", "searched"),
    "import": Words("ingelezen", "imported"),
    "export": Words("uitgegeven", "handed out"),
    "sign-in": Words("aangemeld", "signed in"),
    "sign-out": Words("afgemeld", "signed out"),
}
OBJECTS: Final = {
    "case": Words("de zaak", "the case"),
    "match": Words("een andere organisatie", "another organisation"),
    "picture": Words("het overzicht van organisaties", "the overview of organisations"),
    "follow-up": Words("wat er gedaan is", "what was done"),
    "agreement": Words("de afspraken", "the agreements"),
    "person": Words("uw gegevens", "your data"),
    "report": Words("een rapport", "a report"),
    "log": Words("dit overzicht van wie keek", "this list of who looked"),
    "ledger": Words("het overzicht van wat wegging", "the list of what left"),
    "backup": Words("een reservekopie", "a backup"),
    "node": Words("het systeem", "the system"),
}
REFUSED: Final = Words("geweigerd", "refused")

# --- how long, why, and what can be done ------------------------------------------------------------------------------

KEPT: Final = Words("Hoe lang bewaren wij dit?", "How long do we keep this?")
BACKUPS: Final = Words(
    "Wat wij vandaag wissen, staat op {day} ook in geen enkele reservekopie meer.",
    "What we erase today is in no backup either by {day}.",
)
ARCHIVE: Final = Words("In het archief", "In the archive")
ARCHIVE_NOTHING: Final = Words("Er staat hier niets van u in een archief.", "Nothing of yours stands here in an archive.")
ASKED: Final = Words("Wat vroeg u eerder?", "What did you ask for before?")
ASKED_NOTHING: Final = Words("Hier staat geen bezwaar.", "No objection stands here.")
ASKED_WHAT: Final = {
    "objection": Words("bezwaar", "objection"),
    "erasure": Words("verzoek om te wissen", "request to erase"),
}
RECEIVED_ON: Final = Words("Ontvangen", "Received")
DECIDE_BY: Final = Words("Beslissing uiterlijk", "Decision due by")
DECIDED: Final = Words("Beslist", "Decided")
DECISION: Final = Words("Beslissing", "Decision")
DECISIONS: Final = {
    "upheld": Words("u krijgt gelijk", "upheld"),
    "rejected": Words("afgewezen", "rejected"),
    "": Words("nog niet; tot dan delen wij niets over u", "not yet; until then we share nothing about you"),
}
WHY: Final = Words("Waarom mogen wij dit?", "Why may we do this?")
PURPOSE: Final = Words(
    "Het doel is dat organisaties die met hetzelfde gezin werken elkaar opbellen, zodat er één plan is.",
    "The purpose is that organisations that work with the same family call each other, so that there is one plan.",
)
RIGHTS: Final = Words("Wat kunt u doen?", "What can you do?")
RIGHTS_LIST: Final = (
    Words("Klopt er iets niet? Vraag ons om het te verbeteren.", "Is something wrong? Ask us to correct it."),
    Words(
        "Bent u het er niet mee eens? Maak bezwaar. Vanaf dat moment delen wij niets meer over u, tot er beslist is.",
        "Do you disagree? Object. From that moment we share nothing more about you until a decision is taken.",
    ),
    Words("U kunt ons vragen uw gegevens te wissen.", "You can ask us to erase your data."),
    Words(
        "Niet tevreden met ons antwoord? Dien een klacht in bij de Autoriteit Persoonsgegevens, of ga naar de rechter.",
        "Not content with our answer? You can complain to the Dutch Data Protection Authority, or go to court.",
    ),
)
AGES: Final = Words(
    "Tot 12 jaar vraagt een ouder. Van 12 tot en met 15 jaar vragen jongere en ouder samen. Vanaf 16 jaar vraagt de jongere "
    "zelf.",
    "Below 12 a parent asks. From 12 to 15 the youth and a parent ask together. From 16 the youth asks.",
)
LEGAL: Final = Words("Grondslag", "Legal basis")
DRAWN_UP: Final = Words("Gemaakt met", "Made with")
