"""The words of `node`."""

from typing import Final

from raakvlak_audit.wording import Sentence

TITLE: Final = Sentence(
    "What an organisation sent, and what stands of it", "Wat een organisatie verstuurde, en wat daarvan staat"
)
FILE: Final = Sentence("Account of the organisation", "Verantwoording van de organisatie")
FINGERPRINT: Final = Sentence("Fingerprint of that file", "Vingerafdruk van dat bestand")
MEMBER: Final = Sentence("Organisation", "Organisatie")
MADE: Final = Sentence("Made by the organisation on", "Gemaakt door de organisatie op")
DATABASE: Final = Sentence("Database of the index", "Database van de index")
STATEMENTS: Final = Sentence("Statements of the key holders", "Verklaringen van de sleutelhouders")
TRUSTED: Final = Sentence("Log that you trust, in entries", "Logboek dat u vertrouwt, in regels")
HEAD: Final = Sentence("Last line of the ledger", "Laatste regel van het grootboek")
MORE: Final = Sentence("{count:number} of this kind in all.", "In totaal {count:number} van dit soort.")

WHOLE_NAME: Final = Sentence(
    "The account is the organisation's own, and whole", "De verantwoording is van de organisatie zelf, en compleet"
)
WHOLE_HOW: Final = Sentence(
    "The file bears the organisation's signature over all of it. The ledger in it is a chain: every line seals all lines "
    "before it. Both were computed anew, from the first line to the last.",
    "Het bestand draagt de handtekening van de organisatie over het geheel. Het grootboek erin is een keten: elke regel "
    "verzegelt alle regels ervoor. Beide zijn opnieuw berekend, van de eerste regel tot de laatste.",
)
WHOLE_FOUND: Final = Sentence(
    "{lines:number} lines, none changed or left out. Of {erased:number} the contents were erased, as the law demands for a "
    "person who left; that they were there still shows.",
    "{lines:number} regels, geen gewijzigd of weggelaten. Van {erased:number} is de inhoud gewist, zoals de wet eist voor wie "
    "weg is; dat ze er waren blijft zichtbaar.",
)
WHOLE_WRONG: Final = Sentence(
    "The file is not what the organisation signed. The program says: {message:text}.",
    "Het bestand is niet wat de organisatie ondertekende. Het programma meldt: {message:text}.",
)
WHOLE_OTHER: Final = Sentence(
    "It was made under another version of the covenant than yours.",
    "Het is gemaakt onder een andere versie van het convenant dan de uwe.",
)
ALARMS: Final = Sentence(
    "The organisation's own software has {count:number} open {count:one/alarm/alarms} about the index or its log: ask for the "
    "evidence, and check that with 'evidence'.",
    "De software van de organisatie heeft {count:number} open {count:one/alarm/alarmen} over de index of het logboek: vraag om "
    "het bewijs, en controleer dat met 'evidence'.",
)

EARLIER_NAME: Final = Sentence("Nothing that was shown earlier was changed", "Niets dat eerder getoond is, is gewijzigd")
EARLIER_HOW: Final = Sentence(
    "The ledger in an earlier account or export must be the beginning of this one, line for line.",
    "Het grootboek in een eerdere verantwoording moet regel voor regel het begin zijn van dit.",
)
EARLIER_NONE: Final = Sentence(
    "There was no earlier one to compare with. Write down the last line of the ledger, which stands at the head of "
    "this report.",
    "Er was geen eerdere om mee te vergelijken. Noteer de laatste regel van het grootboek, die boven aan dit rapport staat.",
)
EARLIER_FOUND: Final = Sentence(
    "The {lines:number} lines of the earlier one are the first of this one.",
    "De {lines:number} regels van de eerdere zijn de eerste van deze.",
)
EARLIER_WRONG: Final = Sentence(
    "The earlier one had {lines:number} lines, and these are not the first of this one: the node was put back from "
    "a backup, or its ledger was rewritten, or the two are of two organisations. Ask the organisation which, and "
    "when.",
    "De eerdere had {lines:number} regels, en dat zijn niet de eerste van deze: de node is uit een back-up "
    "teruggezet, het grootboek is herschreven, of de twee zijn van twee organisaties. Vraag de organisatie welk "
    "van deze, en wanneer.",
)
EARLIER_FALSE: Final = Sentence(
    "The earlier file is not what an organisation signed. The program says: {message:text}.",
    "Het eerdere bestand is niet wat een organisatie ondertekende. Het programma meldt: {message:text}.",
)

SENT_NAME: Final = Sentence(
    "Every row is one that the organisation sent, and the reverse", "Elke rij is door de organisatie verstuurd, en andersom"
)
SENT_HOW: Final = Sentence(
    "For each row the ledger must have the line in which its code left. For each code that left, there must be a row, a "
    "withdrawal, or a term that has ended.",
    "Bij elke rij moet in het grootboek de regel staan waarmee de code vertrok. Bij elke code die vertrok moet een "
    "rij staan, een intrekking, of een verstreken termijn.",
)
SENT_FOUND: Final = Sentence(
    "{rows:number} rows stand, {tokens:number} different codes left, {ended:number} withdrawals; all of them agree.",
    "{rows:number} rijen staan er, {tokens:number} verschillende codes vertrokken, {ended:number} intrekkingen; "
    "alles stemt overeen.",
)
SENT_NOT: Final = Sentence(
    "Row {row:number} of the account was never published, says the ledger.",
    "Rij {row:number} van de verantwoording is volgens het grootboek nooit gepubliceerd.",
)
SENT_UNEXPLAINED: Final = Sentence(
    "The code in line {line:number} of the ledger left and was accepted; no row stands, and no withdrawal is told. Let the "
    "organisation synchronise and hand over a new account; if it stays so, the index has lost the row.",
    "De code in regel {line:number} van het grootboek vertrok en is aangenomen; er staat geen rij, en er is geen "
    "intrekking. Laat de organisatie synchroniseren en een nieuwe verantwoording geven; blijft het zo, dan is de "
    "index de rij kwijt.",
)
SENT_END: Final = Sentence(
    "The account says that line {line:number} of the ledger withdrew something; it did not, or is named twice.",
    "De verantwoording zegt dat regel {line:number} van het grootboek iets introk; dat is niet zo, of hij is dubbel genoemd.",
)

LOG_NAME: Final = Sentence("Every row stands in the log", "Elke rij staat in het logboek")
LOG_HOW: Final = Sentence(
    "The random number that the index gave for each row must open the entry at its place in the log, and give "
    "exactly this row; and no later entry may have removed it.",
    "Het toevalsgetal dat de index bij elke rij gaf moet de regel op die plaats van het logboek openen, en precies "
    "deze rij geven; en geen latere regel mag die verwijderd hebben.",
)
LOG_FOUND: Final = Sentence(
    "{standing:number} rows open their place in the log and stand there.",
    "{standing:number} rijen openen hun plaats in het logboek en staan daar.",
)
LOG_BEYOND: Final = Sentence(
    "{count:number} {count:one/row lies/rows lie} beyond what you trust of the log: run 'follow', and then this check again.",
    "{count:number} {count:one/rij ligt/rijen liggen} voorbij wat u van het logboek vertrouwt: doe 'follow', en "
    "dan dit opnieuw.",
)
LOG_UNTRUSTED: Final = Sentence(
    "You have not read the log so far that this can be said: run 'follow' first.",
    "U hebt het logboek niet ver genoeg gelezen om dit te kunnen zeggen: doe eerst 'follow'.",
)
LOG_SINCE: Final = Sentence(
    "{count:number} more {count:one/was/were} removed after the organisation saw the log last. Have a new account made if you "
    "want to be certain of {count:one/it/them}.",
    "Nog {count:number} {count:one/is/zijn} verwijderd nadat de organisatie het logboek het laatst zag. Laat een nieuwe "
    "verantwoording maken als u er zeker van wilt zijn.",
)
LOG_UNSEEN: Final = Sentence(
    "The organisation follows no log, so that it can't be said whether {count:number} {count:one/row was/rows "
    "were} removed before or after the account was made.",
    "De organisatie volgt het logboek niet, zodat niet te zeggen is of {count:number} {count:one/rij/rijen} voor "
    "of na het maken van de verantwoording verwijderd {count:one/is/zijn}.",
)
LOG_WRONG: Final = {
    "not_opened": Sentence(
        "Row {row:number} does not open its place {position:number}: what the index gave is not what it logged.",
        "Rij {row:number} opent plaats {position:number} niet: wat de index gaf is niet wat het logboek heeft.",
    ),
    "doubled": Sentence(
        "Row {row:number} names place {position:number}, which another row of the account has already.",
        "Rij {row:number} noemt plaats {position:number}, die een andere rij van de verantwoording al heeft.",
    ),
    "removed": Sentence(
        "Row {row:number} was removed in the log (place {position:number}) though the index still shows it to the "
        "organisation.",
        "Rij {row:number} is in het logboek verwijderd (plaats {position:number}), terwijl de index haar nog aan de "
        "organisatie toont.",
    ),
}
LOG_DENIED: Final = Sentence(
    "The index says that row {row:number} does not exist; the organisation believes that it stands.",
    "De index zegt dat rij {row:number} niet bestaat; de organisatie denkt dat die er staat.",
)
LOG_LIES: Final = Sentence(
    "The log that the organisation was shown, or the one that is served now, is not the one that you trust. The program says: "
    "{message:text}.",
    "Het logboek dat de organisatie te zien kreeg, of dat nu getoond wordt, is niet dat wat u vertrouwt. Het programma meldt: "
    "{message:text}.",
)
LOG_UNREAD: Final = Sentence(
    "The log can't be read now. The program says: {message:text}.",
    "Het logboek is nu niet te lezen. Het programma meldt: {message:text}.",
)

HELD_NAME: Final = Sentence(
    "The index holds nothing else in the organisation's name", "De index heeft niets anders op naam van de organisatie"
)
HELD_HOW: Final = Sentence(
    "What the index said to hold when the organisation asked for its inventory, and, if you gave one, the operator's database, "
    "must be exactly the rows of the account.",
    "Wat de index zei te hebben toen de organisatie haar rijen opvroeg, en, als u die gaf, de database van de beheerder, moet "
    "precies gelijk zijn aan de rijen van de verantwoording.",
)
HELD_FOUND: Final = Sentence(
    "The index told of {rows:number} rows, the same as in the account.",
    "De index noemde {rows:number} rijen, dezelfde als in de verantwoording.",
)
HELD_DATABASE: Final = Sentence(
    "The database has {rows:number} rows of the organisation, the same too.",
    "De database heeft {rows:number} rijen van de organisatie, ook dezelfde.",
)
HELD_SINCE: Final = Sentence(
    "The copy of the database is older: {count:number} {count:one/write/writes} came after it.",
    "De kopie van de database is ouder: {count:number} {count:one/schrijfopdracht/schrijfopdrachten} kwamen erna.",
)
HELD_NO_DATABASE: Final = Sentence(
    "You gave no database: this rests on what the index told the organisation, and on the organisation's word for it.",
    "U gaf geen database: dit rust op wat de index de organisatie vertelde, en op het woord van de organisatie daarvoor.",
)
HELD_STRAY: Final = Sentence(
    "The index told of {count:number} {count:one/row/rows} in the organisation's name that the organisation did not send.",
    "De index noemde {count:number} {count:one/rij/rijen} op naam van de organisatie die deze niet verstuurde.",
)
HELD_ABSENT: Final = Sentence(
    "The index did not tell of {count:number} {count:one/row that the organisation believes/rows that the "
    "organisation believes} to stand.",
    "De index noemde {count:number} {count:one/rij/rijen} niet waarvan de organisatie denkt dat die er "
    "{count:one/staat/staan}.",
)
HELD_OTHER: Final = Sentence(
    "{count:number} {count:one/row has/rows have} another term or visibility in the inventory than where it was opened.",
    "{count:number} {count:one/rij heeft/rijen hebben} in de opgave een andere termijn of zichtbaarheid dan waar "
    "die geopend werd.",
)
HELD_DATABASE_STRAY: Final = Sentence(
    "The database has {count:number} {count:one/row/rows} in the organisation's name that the account does not have.",
    "De database heeft {count:number} {count:one/rij/rijen} op naam van de organisatie die niet in de verantwoording "
    "{count:one/staat/staan}.",
)
HELD_DATABASE_ABSENT: Final = Sentence(
    "Row {row:number} of the account is not in the database, or is another one there.",
    "Rij {row:number} van de verantwoording staat niet in de database, of is daar anders.",
)
HELD_NEWER: Final = Sentence(
    "The copy of the database is newer than the account, so that this can't be said of what differs: have an "
    "account made after the copy.",
    "De kopie van de database is nieuwer dan de verantwoording, zodat over wat verschilt niets te zeggen is: laat een "
    "verantwoording maken na de kopie.",
)

CASES_NAME: Final = Sentence("Every row has a case", "Bij elke rij hoort een zaak")
CASES_HOW: Final = Sentence(
    "The account tells for each row how many of the organisation's own cases want it; which ones it does not tell. "
    "A row that no case wants must be withdrawn.",
    "De verantwoording zegt bij elke rij hoeveel eigen zaken van de organisatie die willen; niet welke. Een rij "
    "die geen zaak meer wil, moet worden ingetrokken.",
)
CASES_FOUND: Final = Sentence(
    "{rows:number} rows, each wanted by at least one case.", "{rows:number} rijen, elk gewenst door ten minste één zaak."
)
CASES_NONE: Final = Sentence(
    "{count:number} {count:one/row stands/rows stand} without a case. The organisation must withdraw: let it "
    "synchronise, and hand over a new account; if they still stand then, they stand without a ground.",
    "{count:number} {count:one/rij staat/rijen staan} er zonder zaak. De organisatie moet intrekken: laat haar "
    "synchroniseren en een nieuwe verantwoording geven; staan ze er dan nog, dan staan ze er zonder grond.",
)

WRITES_NAME: Final = Sentence("No publication is missing from the ledger", "In het grootboek ontbreekt geen publicatie")
WRITES_HOW: Final = Sentence(
    "Everything that an organisation writes to the index is numbered without gaps, and the index keeps the last "
    "number. The ledger must have each number, and end where the index ends.",
    "Alles wat een organisatie bij de index schrijft is zonder gaten genummerd, en de index bewaart het laatste "
    "nummer. Het grootboek moet elk nummer hebben, en eindigen waar de index eindigt.",
)
WRITES_FOUND: Final = Sentence(
    "The numbers run to {last:number} without a gap.", "De nummers lopen zonder gat tot {last:number}."
)
WRITES_SAME: Final = Sentence(
    "The database ends at {sequence:number}, which the ledger tells of.",
    "De database eindigt bij {sequence:number}, en dat staat in het grootboek.",
)
WRITES_GAP: Final = Sentence(
    "Before line {line:number} of the ledger {count:number} {count:one/write is/writes are} missing, ahead of number "
    "{sequence:number}: something was written to the index that the ledger does not tell of.",
    "Voor regel {line:number} van het grootboek {count:one/ontbreekt/ontbreken} {count:number} "
    "{count:one/schrijfopdracht/schrijfopdrachten}, voor nummer {sequence:number}: er is iets bij de index "
    "geschreven dat niet in het grootboek staat.",
)
WRITES_BACK: Final = Sentence(
    "At line {line:number} of the ledger the numbers go back to {sequence:number}: the index or the node was put "
    "back from a backup. Ask both when that was.",
    "Bij regel {line:number} van het grootboek gaan de nummers terug naar {sequence:number}: de index of de node "
    "is uit een back-up teruggezet. Vraag beide wanneer dat was.",
)
WRITES_MORE: Final = Sentence(
    "The index carried out write {sequence:number} of this organisation and its ledger ends at {last:number}: it "
    "sent more than its ledger says. (If the copy of the database was made after the account, have a new account "
    "made and check that one.)",
    "De index voerde schrijfopdracht {sequence:number} van deze organisatie uit en het grootboek eindigt bij "
    "{last:number}: er is meer verstuurd dan het grootboek zegt. (Is de kopie van de database na de verantwoording "
    "gemaakt, laat dan een nieuwe verantwoording maken en controleer die.)",
)
WRITES_OTHER: Final = Sentence(
    "Write {sequence:number} was another one at the index than the ledger says: it held other codes.",
    "Schrijfopdracht {sequence:number} was bij de index een andere dan het grootboek zegt: er stonden andere codes in.",
)

ASKED_NAME: Final = Sentence(
    "The key holders evaluated no more than the ledger says", "De sleutelhouders berekenden niet meer dan het grootboek zegt"
)
ASKED_HOW: Final = Sentence(
    "For each key holder, day and kind of number, the evaluations in its signed statement were held against what "
    "left according to the ledger on that day and the days beside it, and all of them together.",
    "Per sleutelhouder, dag en soort nummer zijn de berekeningen in de ondertekende verklaring vergeleken met wat "
    "er volgens het grootboek op die dag en de dagen ernaast vertrok, en alles bij elkaar.",
)
ASKED_SKIPPED: Final = Sentence(
    "You gave no statements (--statements), so this was not checked.",
    "U gaf geen verklaringen (--statements), dus dit is niet gecontroleerd.",
)
ASKED_NONE: Final = Sentence(
    "There is no statement of a day before the account was made.",
    "Er is geen verklaring van een dag voordat de verantwoording gemaakt werd.",
)
ASKED_FOUND: Final = Sentence(
    "{charged:number} evaluations were charged according to {statements:number} statements, all of which the ledger tells of.",
    "{charged:number} berekeningen volgens {statements:number} verklaringen, die alle in het grootboek staan.",
)
ASKED_MORE: Final = Sentence(
    "{holder:text} charged {charged:number} evaluations of kind {namespace:text} on {day:day}; the ledger tells of "
    "{told:number} at most. The organisation asked more than its ledger says, or the key holder counts wrong.",
    "{holder:text} telde op {day:day} {charged:number} berekeningen van soort {namespace:text}; het grootboek "
    "noemt er hoogstens {told:number}. De organisatie vroeg meer dan het grootboek zegt, of de sleutelhouder telt "
    "verkeerd.",
)
ASKED_TOTAL: Final = Sentence(
    "{holder:text} charged {charged:number} evaluations of kind {namespace:text} until {day:day} in all; the ledger tells of "
    "{told:number} at most.",
    "{holder:text} telde tot en met {day:day} in totaal {charged:number} berekeningen van soort {namespace:text}; "
    "het grootboek noemt er hoogstens {told:number}.",
)
ASKED_BEGIN: Final = Sentence(
    "The ledger's oldest lines were erased for their age, so that the totals were not compared, only the days.",
    "De oudste regels van het grootboek zijn wegens hun leeftijd gewist, zodat alleen de dagen vergeleken zijn, "
    "niet de totalen.",
)
HOLDER: Final = Sentence("Key holder", "Sleutelhouder")
DAY: Final = Sentence("Day", "Dag")
NAMESPACE: Final = Sentence("Kind of number", "Soort nummer")
CHARGED: Final = Sentence("Charged", "Geteld")
LEFT: Final = Sentence("Left, by the ledger", "Vertrokken volgens het grootboek")

KINDS_NAME: Final = Sentence("Nothing else left", "Verder is er niets vertrokken")
KINDS_HOW: Final = Sentence(
    "Each line of the ledger must be of a call that the parties agreed on, to a party in the covenant, with no "
    "field that was not agreed; and letters must have one of the agreed sizes. The table tells all that left.",
    "Elke regel van het grootboek moet horen bij een afgesproken oproep, aan een partij in het convenant, zonder "
    "een veld dat niet is afgesproken; en brieven moeten een van de afgesproken groottes hebben. De tabel zegt "
    "alles wat er vertrok.",
)
KINDS_FOUND: Final = Sentence(
    "{kinds:number} kinds of requests, all of them agreed.", "{kinds:number} soorten verzoeken, alle afgesproken."
)
KINDS_STRANGE: Final = Sentence(
    "Something left to {role:text} {id:text} that was not agreed: {path:text}.",
    "Er vertrok iets naar {role:text} {id:text} dat niet is afgesproken: {path:text}.",
)
KINDS_FIELD: Final = Sentence(
    "Requests {path:text} held field {number:number}, which was not agreed.",
    "Verzoeken {path:text} bevatten veld {number:number}, dat niet is afgesproken.",
)
KINDS_LETTER: Final = Sentence(
    "{count:number} {count:one/letter/letters} of {size:number} bytes left, which is no agreed size.",
    "{count:number} {count:one/brief/brieven} van {size:number} bytes vertrokken; dat is geen afgesproken grootte.",
)
WHAT: Final = Sentence("What left", "Wat vertrok")
TO: Final = Sentence("To", "Naar")
REQUESTS: Final = Sentence("Requests", "Verzoeken")
ITEMS: Final = Sentence("In them", "Daarin")
CLASSES: Final = Sentence("Data classes", "Gegevensklassen")
PUBLICATIONS: Final = Sentence("publications (codes)", "publicaties (codes)")
WITHDRAWALS: Final = Sentence("withdrawals (references)", "intrekkingen (verwijzingen)")
EVALUATIONS: Final = Sentence("evaluations (blinded elements)", "berekeningen (geblindeerde elementen)")
LETTERS: Final = Sentence("sealed letters (bytes)", "verzegelde brieven (bytes)")
ERASED: Final = Sentence("erased lines", "gewiste regels")
CALL: Final = Sentence("{path:text} (bytes)", "{path:text} (bytes)")

NOT_BESIDE: Final = Sentence(
    "That the organisation's software, computers or staff sent nothing around the ledger, by another way than this "
    "program. The ledger is complete by the open code of the node; whether that code runs, and nothing beside it, "
    "is for who administers it.",
    "Dat software, computers of medewerkers van de organisatie niets buiten het grootboek om verstuurden, langs "
    "een andere weg dan dit programma. Het grootboek is compleet door de open code van de node; of die code "
    "draait, en niets ernaast, weet wie het beheert.",
)
NOT_CASES: Final = Sentence(
    "That the cases behind the rows are true, or that there is a ground for them: the account holds no case.",
    "Dat de zaken achter de rijen kloppen, of dat er een grond voor is: de verantwoording bevat geen zaak.",
)
NOT_ERASED: Final = Sentence(
    "What the erased lines said: erasing them is the organisation's duty, and nobody can read them any more.",
    "Wat de gewiste regels zeiden: wissen is de plicht van de organisatie, en niemand kan ze nog lezen.",
)
NOT_TOKEN: Final = Sentence(
    "That a row's code at the index is the one of the organisation's own code: only the index can compute that; "
    "'canary' tests it.",
    "Dat de code van een rij bij de index hoort bij de eigen code van de organisatie: dat kan alleen de index "
    "berekenen; 'canary' toetst dat.",
)
NOT_KEPT: Final = Sentence(
    "Destroy this file of the organisation now, and every copy. It holds the random numbers that open its rows in "
    "the log: as long as somebody keeps them, what is erased later can still be recognised.",
    "Vernietig dit bestand van de organisatie nu, met elke kopie. Het bevat de toevalsgetallen die haar rijen in "
    "het logboek openen: zolang iemand die bewaart, is ook wat later gewist wordt nog te herkennen.",
)
