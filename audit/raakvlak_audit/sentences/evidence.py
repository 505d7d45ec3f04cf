"""The words of `evidence`."""

from typing import Final

from raakvlak_audit.wording import Sentence

TITLE: Final = Sentence("What a file of evidence shows", "Wat een bewijsbestand aantoont")
FILE: Final = Sentence("File of evidence", "Bewijsbestand")
FINGERPRINT: Final = Sentence("Fingerprint of the file", "Vingerafdruk van het bestand")
NAME: Final = Sentence("What the file shows", "Wat het bestand aantoont")
HOW: Final = Sentence(
    "The file was read strictly and its signatures and proofs were verified with the log's key in the covenant alone. Neither "
    "whoever kept it nor whoever it accuses had to be believed.",
    "Het bestand is streng gelezen, en de handtekeningen en bewijzen zijn nagegaan met alleen de sleutel van het logboek in "
    "het convenant. Wie het bewaarde noch wie het beschuldigt hoefde te worden geloofd.",
)
CONVICTED: Final = Sentence(
    "It convicts the index named {index:text}: whoever holds the key of its log signed two things that cannot both be honest.",
    "Het bewijst de schuld van de index met de naam {index:text}: wie de sleutel van zijn logboek heeft, ondertekende twee "
    "dingen die niet allebei eerlijk kunnen zijn.",
)
NOT_CONVICTED: Final = Sentence(
    "It convicts nobody by itself. It holds what one side says that it received; ask the other side what it says, and compare.",
    "Het bewijst op zichzelf niemands schuld. Het bevat wat één partij zegt te hebben ontvangen; vraag de andere partij wat "
    "die zegt, en vergelijk.",
)
SHOWS_NOTHING: Final = Sentence(
    "It shows nothing: it is no evidence of this log, or it was changed. The program says: {message:text}.",
    "Het toont niets aan: het is geen bewijs over dit logboek, of het is veranderd. Het programma meldt: {message:text}.",
)
SAYS: Final = Sentence("In the words of the program: {shows:text}.", "In de woorden van het programma: {shows:text}.")
KINDS: Final = {
    "rewritten": Sentence(
        "The log signed two checkpoints, of {old_size:number} and of {size:number} entries, and the later does not begin with "
        "the earlier: history was rewritten, or two parties were shown two histories.",
        "Het logboek ondertekende twee controlepunten, van {old_size:number} en van {size:number} regels, en het latere begint "
        "niet met het eerdere: de geschiedenis is herschreven, of twee partijen kregen elk een andere te zien.",
    ),
    "broken_receipt": Sentence(
        "The index promised a member in writing what would stand at {count:number} {count:one/position/positions} from "
        "{first_position:number} on, and signed a log of {size:number} entries in which something else stands there.",
        "De index beloofde een lid schriftelijk wat er op {count:number} {count:one/positie/posities} vanaf "
        "{first_position:number} zou staan, en ondertekende een logboek van {size:number} regels waarin daar wat anders staat.",
    ),
    "bad_receipt": Sentence(
        "A member says that the index gave it a receipt that is not signed, or not for what it had asked.",
        "Een lid zegt dat de index een ontvangstbewijs gaf dat niet ondertekend is, of niet voor wat het had gevraagd.",
    ),
    "wrong_opening": Sentence(
        "A member says that the index could not show a row of its own, or showed another one than stands in the log.",
        "Een lid zegt dat de index een eigen rij niet kon tonen, of een andere toonde dan er in het logboek staat.",
    ),
    "removed_unasked": Sentence(
        "A member says that its row at position {position:number} was ended in the log, at position {place:number}, though it "
        "had not withdrawn it and its term had not lapsed.",
        "Een lid zegt dat zijn rij op positie {position:number} in het logboek is beëindigd, op positie {place:number}, "
        "terwijl het die niet had ingetrokken en de termijn niet verstreken was.",
    ),
    "unverifiable": Sentence(
        "Somebody who read the log got an answer that does not fit what was signed.",
        "Iemand die het logboek las, kreeg een antwoord dat niet past bij wat ondertekend is.",
    ),
}
NOT_SHOWN: Final = Sentence("In the words of the program: {what:text}.", "In de woorden van het programma: {what:text}.")
NOT_WHO: Final = Sentence(
    "Which person did it: a key convicts whoever held it, and it may have been stolen. Nor why, nor whether anyone was harmed.",
    "Welke persoon het deed: een sleutel wijst naar wie hem had, en hij kan gestolen zijn. Ook niet waarom, of wie er "
    "schade had.",
)
NOT_ELSE: Final = Sentence(
    "That nothing else was wrong, or that the rest of the log is right: 'follow' checks that.",
    "Dat er verder niets mis was, of dat de rest van het logboek klopt: 'follow' controleert dat.",
)
