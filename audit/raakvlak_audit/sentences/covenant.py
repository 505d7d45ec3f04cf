"""The words about what a covenant says of following up a match."""

from typing import Final

from raakvlak_audit.wording import Sentence

TERMS_NAME: Final = Sentence("How soon a match must be followed up", "Hoe snel een match opgevolgd moet worden")
READ: Final = Sentence("Read from the verified covenant.", "Gelezen uit het geverifieerde convenant.")
TERMS_FOUND: Final = Sentence(
    "The terms are counted in working days, by each organisation itself; the index does not know them. A reminder is given "
    "{reminder:number} {reminder:one/day/days} before each.",
    "De termijnen zijn geteld in werkdagen, door elke organisatie zelf; de index kent ze niet. Een herinnering komt "
    "{reminder:number} {reminder:one/dag/dagen} ervoor.",
)
TERM: Final = Sentence("Term", "Termijn")
DAYS: Final = Sentence("Working days at most", "Hoogstens zoveel werkdagen")
ACKNOWLEDGE: Final = Sentence("from the match until somebody has looked at it", "van de match tot iemand ernaar heeft gekeken")
CONTACT: Final = Sentence("from the match until the two have spoken", "van de match tot de twee elkaar hebben gesproken")
AGREEMENT: Final = Sentence("from the contact until there is an agreement", "van het contact tot er afspraken zijn")
EVALUATION: Final = Sentence(
    "from an agreement or evaluation until the next evaluation", "van afspraken of een evaluatie tot de volgende evaluatie"
)
GRACE: Final = Sentence(
    "from a term that passed until a coordinator is called in",
    "van een verstreken termijn tot er een coördinator bij wordt geroepen",
)
ARCHIVE_NONE: Final = Sentence(
    "There is no archive: what ended may not be kept.", "Er is geen archief: wat is geëindigd mag niet bewaard worden."
)
ARCHIVE_FOUND: Final = Sentence(
    "What ended because the risk is gone or the term was over may be kept by its organisation for {months:number} "
    "{months:one/month/months}. Ask what it is kept for.",
    "Wat is geëindigd omdat het risico weg is of de termijn voorbij, mag de eigen organisatie nog {months:number} "
    "{months:one/maand/maanden} bewaren. Vraag waarvoor dat nodig is.",
)
COORDINATION_NAME: Final = Sentence("Who is called in, between whom", "Wie erbij wordt geroepen, tussen wie")
COORDINATION_HOW: Final = Sentence(
    "Read from the verified covenant. A coordinator is told of a match of two kinds of organisation where one of the two may "
    "not be shown to the other, and is called in where a match is not followed up. The first in the table that serves both "
    "kinds counts.",
    "Gelezen uit het geverifieerde convenant. Een coördinator hoort van een match tussen twee soorten organisaties waar de een "
    "niet aan de ander getoond mag worden, en wordt erbij geroepen waar een match niet wordt opgevolgd. De eerste in de tabel "
    "die beide soorten bedient telt.",
)
ALL_SERVED: Final = Sentence(
    "Each two kinds of organisation that take part have a coordinator.",
    "Elke twee soorten organisaties die meedoen hebben een coördinator.",
)
WITHHELD: Final = Sentence(
    "Kind {kind:text} has no coordinator and may not be shown to others directly. So all that it would publish is withheld, "
    "and none of its matches is found: ask the covenant board whether that was meant.",
    "Soort {kind:text} heeft geen coördinator en mag niet rechtstreeks aan anderen getoond worden. Daarom wordt alles wat zij "
    "zou publiceren achtergehouden en wordt geen van haar matches gevonden: vraag de convenantbeheerder of dat zo bedoeld is.",
)
UNSERVED: Final = Sentence(
    "Kind {kind:text} has no coordinator. Its confidential and protected cases are withheld from everybody, and nobody is "
    "called in where its matches are not followed up.",
    "Soort {kind:text} heeft geen coördinator. Haar vertrouwelijke en beschermde dossiers worden voor iedereen achtergehouden, "
    "en niemand wordt erbij geroepen waar haar matches niet worden opgevolgd.",
)
PAIR_UNHEARD: Final = Sentence(
    "No coordinator serves both {one:text} and {other:text}, and they don't see each other's matches either: nobody hears of "
    "a match between them.",
    "Geen coördinator bedient zowel {one:text} als {other:text}, en zij zien elkaars matches ook niet: niemand hoort van een "
    "match tussen die twee.",
)
PAIR_UNSERVED: Final = Sentence(
    "No coordinator serves both {one:text} and {other:text}: nobody hears of a match between them in which a case is "
    "confidential or protected, and nobody is called in about the other ones.",
    "Geen coördinator bedient zowel {one:text} als {other:text}: niemand hoort van een match tussen die twee waarvan een "
    "dossier vertrouwelijk of beschermd is, en bij de andere wordt niemand erbij geroepen.",
)
COORDINATOR: Final = Sentence("Coordinator", "Coördinator")
NAME: Final = Sentence("Name", "Naam")
SERVES: Final = Sentence("Between any two of", "Tussen elke twee van")
