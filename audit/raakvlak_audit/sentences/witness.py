"""The words of `witness`, beyond those of `follow`."""

from typing import Final

from raakvlak_audit.wording import Sentence

TITLE: Final = Sentence(
    "The log, checked and cosigned by a witness", "Het logboek, gecontroleerd en medeondertekend door een getuige"
)
WITNESS: Final = Sentence("Witness", "Getuige")
COSIGNED_NAME: Final = Sentence("The log was cosigned", "Het logboek is medeondertekend")
COSIGNED_HOW: Final = Sentence(
    "Only what was checked above is cosigned, and only where it continues everything that this witness cosigned before.",
    "Alleen wat hierboven gecontroleerd is wordt medeondertekend, en alleen als het doorgaat op alles wat deze getuige eerder "
    "ondertekende.",
)
COSIGNED_FOUND: Final = Sentence(
    "{size:number} {size:one/entry was/entries were} cosigned. The note is kept in {file:text}.",
    "Er {size:one/is/zijn} {size:number} {size:one/regel/regels} medeondertekend. Het bewijs staat in {file:text}.",
)
COSIGNED_NOT: Final = Sentence(
    "Nothing was cosigned, because of what was found above. That is what a witness is for.",
    "Er is niets medeondertekend, vanwege wat hierboven gevonden is. Daarvoor is een getuige er.",
)
HANDED_IN_NAME: Final = Sentence("The index has the cosignature", "De index heeft de medeondertekening")
HANDED_IN_HOW: Final = Sentence(
    "Unless --no-hand-in was given, it is sent to the index, which shows it to everybody.",
    "Tenzij --no-hand-in is opgegeven, wordt ze naar de index gestuurd, die haar aan iedereen toont.",
)
HANDED_IN_FOUND: Final = Sentence("The index has accepted it.", "De index heeft haar aangenomen.")
HANDED_IN_NOT: Final = Sentence(
    "It was not sent (--no-hand-in). Give the file {file:text} to the operator of the index.",
    "Ze is niet verstuurd (--no-hand-in). Geef het bestand {file:text} aan de beheerder van de index.",
)
HANDED_IN_LATER: Final = Sentence(
    "It could not be delivered; run the same command again later. The program says: {message:text}.",
    "Ze kon niet worden afgeleverd; geef dezelfde opdracht later opnieuw. Het programma meldt: {message:text}.",
)
HANDED_IN_REFUSED: Final = Sentence(
    "The index refused it. If another machine holds the same witness's key, stop one of the two; else ask the operator why. "
    "The program says: {message:text}.",
    "De index weigerde haar. Heeft een andere machine de sleutel van dezelfde getuige, stop dan een van beide; vraag anders de "
    "beheerder waarom. Het programma meldt: {message:text}.",
)
