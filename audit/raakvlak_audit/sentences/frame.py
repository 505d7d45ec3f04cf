"""The words around every report."""

from typing import Final

from raakvlak_audit.report import Verdict
from raakvlak_audit.wording import Said, Sentence

VERDICT: Final = {
    Verdict.OK: Sentence("IN ORDER", "IN ORDE"),
    Verdict.NOTE: Sentence("TO NOTE", "LET OP"),
    Verdict.UNKNOWN: Sentence("NOT KNOWN", "NIET BEKEND"),
    Verdict.WRONG: Sentence("WRONG", "NIET IN ORDE"),
}
OVERALL: Final = {
    Verdict.OK: Sentence("All that was checked is in order.", "Alles wat gecontroleerd is, is in orde."),
    Verdict.UNKNOWN: Sentence(
        "Not everything could be checked. Nothing wrong was found; do the check again when what is missing is there.",
        "Niet alles kon worden gecontroleerd. Er is niets gevonden dat niet klopt; doe de controle opnieuw zodra wat "
        "ontbreekt er is.",
    ),
    Verdict.WRONG: Sentence(
        "Something is wrong. Keep this report and the files that were checked, and ask the party that is named for an "
        "explanation.",
        "Er klopt iets niet. Bewaar dit rapport en de gecontroleerde bestanden, en vraag de genoemde partij om uitleg.",
    ),
}
TALLY: Final = Sentence(
    "{ok:number} in order, {note:number} to note, {unknown:number} not known, {wrong:number} wrong.",
    "{ok:number} in orde, {note:number} om op te letten, {unknown:number} niet bekend, {wrong:number} niet in orde.",
)
VERDICT_HEADING: Final = Sentence("Verdict", "Oordeel")
SUBJECT: Final = Sentence("What this is about", "Waar dit over gaat")
COVENANT: Final = Sentence("Covenant", "Convenant")
VERSION: Final = Sentence("Version of the covenant", "Versie van het convenant")
HASH: Final = Sentence("Fingerprint of that version", "Vingerafdruk van die versie")
MADE: Final = Sentence("Checked on", "Gecontroleerd op")
PROGRAM: Final = Sentence("Made with", "Gemaakt met")
CHECKS: Final = Sentence("What was checked", "Wat er gecontroleerd is")
HOW: Final = Sentence("How", "Hoe")
FOUND: Final = Sentence("Found", "Gevonden")
FIGURES: Final = Sentence("Figures", "Cijfers")
FIGURE: Final = Sentence("Figure", "Cijfer")
VALUE: Final = Sentence("Value", "Waarde")
MEANING: Final = Sentence("What it means", "Wat het betekent")
DOES_NOT_PROVE: Final = Sentence("What this does not prove", "Wat dit niet bewijst")
MORE_ROWS: Final = Sentence(
    "{count:number} more {count:one/row stands/rows stand} in the page that --report writes.",
    "Nog {count:number} {count:one/regel staat/regels staan} in de pagina die --report schrijft.",
)
NO_ROWS: Final = Sentence("(none)", "(geen)")
STOPPED: Final = Sentence(
    "The check stopped here. The program says: {message:text}.", "De controle stopte hier. Het programma meldt: {message:text}."
)
REPORT_WRITTEN: Final = Sentence("the report was written to {file:text}", "het rapport is geschreven naar {file:text}")


def tally(counts: dict[Verdict, int]) -> Said:
    """How many checks had which verdict."""
    return TALLY(ok=counts[Verdict.OK], note=counts[Verdict.NOTE], unknown=counts[Verdict.UNKNOWN], wrong=counts[Verdict.WRONG])
