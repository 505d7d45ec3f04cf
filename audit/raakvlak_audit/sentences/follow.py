"""The words of `follow`, of which `witness` says the same first."""

from typing import Final

from raakvlak_audit.wording import Sentence
from raakvlak_protocol.entry import Kind

TITLE: Final = Sentence("The log, from what you trusted until now", "Het logboek, vanaf wat u vertrouwde tot nu")
LOG: Final = Sentence("Log that was read", "Gelezen logboek")
TRUSTED: Final = Sentence("Trusted before", "Eerder vertrouwd")
NOTHING_TRUSTED: Final = Sentence("nothing yet", "nog niets")
ENTRIES: Final = Sentence("{size:number} {size:one/entry/entries}", "{size:number} {size:one/regel/regels}")
DRY: Final = Sentence("Nothing new is trusted", "Er wordt niets nieuws vertrouwd")
DRY_WHY: Final = Sentence("--dry-run was given", "--dry-run is opgegeven")

NOT_CHECKED: Final = Sentence(
    "This was not checked, because an earlier check did not succeed.",
    "Dit is niet gecontroleerd, omdat een eerdere controle niet slaagde.",
)
CHECKED_UNTIL: Final = Sentence(
    "Nothing wrong in the {read:number} entries that were read; those after them were not read.",
    "Niets mis in de {read:number} regels die gelezen zijn; de regels daarna zijn niet gelezen.",
)

REACHED_NAME: Final = Sentence("The log can be read", "Het logboek is te lezen")
REACHED_HOW: Final = Sentence(
    "The newest checkpoint and what it sums up were fetched from {log:text}.",
    "Het nieuwste controlepunt en wat het samenvat zijn opgehaald bij {log:text}.",
)
REACHED_FOUND: Final = Sentence(
    "It shows {size:number} {size:one/entry/entries}.", "Het toont {size:number} {size:one/regel/regels}."
)
REACHED_ANSWER: Final = Sentence("It answers.", "Het antwoordt.")
REACHED_NOT: Final = Sentence(
    "It can't be read now, which says nothing about its honesty: try again later, then ask the operator. The program says: "
    "{message:text}.",
    "Het is nu niet te lezen, wat niets zegt over de eerlijkheid ervan: probeer het later opnieuw, en vraag dan de beheerder. "
    "Het programma meldt: {message:text}.",
)
REACHED_EMPTY: Final = Sentence(
    "It shows no entries. Either the index has not begun yet, or this is not its log: ask the operator.",
    "Het toont geen regels. De index is nog niet begonnen, of dit is het logboek niet: vraag de beheerder.",
)

HISTORY_NAME: Final = Sentence("The log continues what you trusted", "Het logboek gaat door op wat u vertrouwde")
HISTORY_HOW: Final = Sentence(
    "The checkpoint's signature was compared with the log's key in the covenant. Then it was calculated from the log's own "
    "hashes whether its first entries are exactly those that you trusted and read before, and those that each witness saw.",
    "De handtekening van het controlepunt is vergeleken met de sleutel van het logboek in het convenant. Daarna is uit de "
    "eigen hashes van het logboek uitgerekend of de eerste regels precies die zijn welke u eerder vertrouwde en las, en welke "
    "elke getuige zag.",
)
HISTORY_FOUND: Final = Sentence(
    "Its first {before:number} entries are those that you trusted, and nothing in them was changed or taken away; "
    "{new:number} {new:one/entry was/entries were} added.",
    "De eerste {before:number} regels zijn die welke u vertrouwde, en daarin is niets veranderd of weggehaald; er "
    "{new:one/is/zijn} {new:number} {new:one/regel/regels} bij gekomen.",
)
HISTORY_FIRST: Final = Sentence(
    "You trusted no checkpoint yet, so there was nothing to compare with: what the log shows today is taken as its history. "
    "That nothing was changed before today is not proved; witnesses or members who looked earlier can tell (--also).",
    "U vertrouwde nog geen controlepunt, dus er was niets om mee te vergelijken: wat het logboek vandaag toont, geldt als zijn "
    "geschiedenis. Dat er vóór vandaag niets is veranderd, is niet bewezen; getuigen of leden die eerder keken kunnen dat "
    "zeggen (--also).",
)
HISTORY_READ: Final = Sentence(
    "You trust no checkpoint yet, because too few witnesses signed. Its first {before:number} entries are those that you read "
    "before; that nothing was changed before you first looked is not proved.",
    "U vertrouwt nog geen controlepunt, omdat te weinig getuigen ondertekenden. De eerste {before:number} regels zijn die "
    "welke u eerder las; dat er vóór uw eerste blik niets is veranderd, is niet bewezen.",
)
HISTORY_BEHIND: Final = Sentence(
    "The log shows less than was seen before. It may be an old copy, or the index has lost the end of its log; it is no proof "
    "of dishonesty yet. Ask the operator, and look again. The program says: {message:text}.",
    "Het logboek toont minder dan eerder is gezien. Het kan een oude kopie zijn, of de index is het einde van het logboek "
    "kwijt; het bewijst nog geen oneerlijkheid. Vraag de beheerder, en kijk opnieuw. Het programma meldt: {message:text}.",
)
HISTORY_REWRITTEN: Final = Sentence(
    "The operator signed two histories. The {new:number} entries that the log shows now do not begin with the {old:number} "
    "that it signed before: entries were changed, removed or reordered. Both signed checkpoints are kept in {kept:text}; "
    "together they convict the log before anybody.",
    "De beheerder heeft twee geschiedenissen ondertekend. De {new:number} regels die het logboek nu toont, beginnen niet met "
    "de {old:number} die het eerder ondertekende: er zijn regels veranderd, verwijderd of verwisseld. Beide ondertekende "
    "controlepunten staan in {kept:text}; samen bewijzen ze het tegenover iedereen.",
)
HISTORY_WRONG: Final = Sentence(
    "What is served is not what the log signed. Keep this report, fetch again over another connection, and ask the operator. "
    "The program says: {message:text}.",
    "Wat er getoond wordt, is niet wat het logboek ondertekende. Bewaar dit rapport, haal het opnieuw op via een andere "
    "verbinding, en vraag de beheerder. Het programma meldt: {message:text}.",
)
HISTORY_TILE: Final = Sentence("The first wrong piece is {tile:text}.", "Het eerste verkeerde stuk is {tile:text}.")

OTHERS_NAME: Final = Sentence("Others were shown the same log", "Anderen kregen hetzelfde logboek te zien")
OTHERS_HOW: Final = Sentence(
    "Each checkpoint that another party holds (--also) must be a beginning of this log.",
    "Elk controlepunt dat een andere partij heeft (--also) moet een begin van dit logboek zijn.",
)
OTHERS_NONE: Final = Sentence(
    "None was given. Ask another officer or a witness for the checkpoint that they hold, and add it with --also; those that "
    "members hold are compared by 'node'.",
    "Er is er geen opgegeven. Vraag een andere functionaris of een getuige om het controlepunt dat zij hebben, en voeg het toe "
    "met --also; die van de leden worden door 'node' vergeleken.",
)
OTHERS_FOUND: Final = Sentence(
    "The checkpoint in {file:text}, of {size:number} {size:one/entry/entries}, is a beginning of this log.",
    "Het controlepunt in {file:text}, van {size:number} {size:one/regel/regels}, is een begin van dit logboek.",
)
OTHERS_AHEAD: Final = Sentence(
    "The checkpoint in {file:text} has {size:number} entries and this log shows {shown:number}. Look again; if it stays so, "
    "its holder and you are shown different logs.",
    "Het controlepunt in {file:text} heeft {size:number} regels en dit logboek toont er {shown:number}. Kijk opnieuw; blijft "
    "het zo, dan krijgen de houder en u een verschillend logboek te zien.",
)
OTHERS_FORK: Final = Sentence(
    "The holder of {file:text} was shown another log than you: its {size:number} entries are not the first ones of this log. "
    "The operator signed both. Both checkpoints are kept in {kept:text}.",
    "De houder van {file:text} kreeg een ander logboek te zien dan u: die {size:number} regels zijn niet de eerste van dit "
    "logboek. De beheerder ondertekende beide. Beide controlepunten staan in {kept:text}.",
)
OTHERS_BAD: Final = Sentence(
    "File {file:text} is no checkpoint that this log signed, so it says nothing about the log. The program says: "
    "{message:text}.",
    "Bestand {file:text} is geen controlepunt dat dit logboek ondertekende, en zegt dus niets over het logboek. Het programma "
    "meldt: {message:text}.",
)

ENTRIES_NAME: Final = Sentence("Every entry is the one that was signed", "Elke regel is die welke ondertekend is")
ENTRIES_HOW: Final = Sentence(
    "Every entry that you had not read before was read, and it was calculated that it stands at its place under the signed "
    "checkpoint. Each must be of a known kind.",
    "Elke regel die u nog niet eerder las, is gelezen, en er is uitgerekend dat die op zijn plaats staat onder het "
    "ondertekende controlepunt. Elke regel moet van een bekende soort zijn.",
)
ENTRIES_FOUND: Final = Sentence(
    "{read:number} {read:one/entry was/entries were} read now, {known:number} were read before.",
    "Er {read:one/is/zijn} nu {read:number} {read:one/regel/regels} gelezen, {known:number} eerder.",
)
ENTRIES_STOPPED: Final = Sentence(
    "Reading broke off after {read:number} entries; the same command goes on from there. The program says: {message:text}.",
    "Het lezen brak af na {read:number} regels; dezelfde opdracht gaat van daar verder. Het programma meldt: {message:text}.",
)
ENTRIES_REREAD: Final = Sentence(
    "Everything was read from the first entry, because nothing was remembered of it: this is the first look, or what was "
    "remembered is missing or damaged.",
    "Alles is vanaf de eerste regel gelezen, omdat er niets van onthouden was: dit is de eerste keer, of wat onthouden was "
    "ontbreekt of is beschadigd.",
)
ENTRY_UNKNOWN: Final = Sentence(
    "The entry at position {position:number} is of no known kind, or not as long as its kind.",
    "De regel op positie {position:number} is van geen bekende soort, of niet zo lang als die soort.",
)
ENTRY_WRONG: Final = Sentence(
    "The entry at position {position:number} is not the one that was signed: it was changed afterwards, or on its way here.",
    "De regel op positie {position:number} is niet die welke ondertekend is: die is achteraf veranderd, of onderweg hierheen.",
)
HASH_WRONG: Final = Sentence(
    "The entry at position {position:number} is the one that was signed, but the hash of it in {tile:text} was changed: "
    "whoever relies on that piece will take the entry for false.",
    "De regel op positie {position:number} is die welke ondertekend is, maar de hash ervan in {tile:text} is veranderd: wie op "
    "dat stuk afgaat, zal de regel voor vals houden.",
)
ENTRIES_WRONG: Final = Sentence(
    "One of the entries at positions {first:number} to {last:number}, and the hashes that belong to them, are not what was "
    "signed: they were changed afterwards, or on their way here.",
    "Een van de regels op de posities {first:number} tot en met {last:number}, en de hashes die erbij horen, zijn niet wat "
    "ondertekend is: ze zijn achteraf veranderd, of onderweg hierheen.",
)
TILES_WRONG: Final = Sentence(
    "The hashes above positions {first:number} to {last:number} do not lead to the signed checkpoint: they were changed "
    "afterwards, or on their way here.",
    "De hashes boven de posities {first:number} tot en met {last:number} leiden niet naar het ondertekende controlepunt: ze "
    "zijn achteraf veranderd, of onderweg hierheen.",
)
BUNDLE_NONE: Final = Sentence(
    "What is served for positions {first:number} to {last:number} can't be read as entries. The program says: {message:text}.",
    "Wat er getoond wordt voor de posities {first:number} tot en met {last:number} is niet als regels te lezen. Het programma "
    "meldt: {message:text}.",
)

REMOVALS_NAME: Final = Sentence("What was removed had stood there", "Wat verwijderd is, stond er")
REMOVALS_HOW: Final = Sentence(
    "Each removal must name an earlier publication that was not removed before.",
    "Elke verwijdering moet een eerdere publicatie noemen die nog niet verwijderd was.",
)
REMOVALS_FOUND: Final = Sentence(
    "{published:number} {published:one/publication/publications} and {removed:number} {removed:one/removal/removals} so far, "
    "which fit together: {live:number} {live:one/stands/stand} now.",
    "Tot nu {published:number} {published:one/publicatie/publicaties} en {removed:number} "
    "{removed:one/verwijdering/verwijderingen}, die bij elkaar passen: er {live:one/staat/staan} er nu {live:number}.",
)
REMOVAL_AHEAD: Final = Sentence(
    "The removal at position {position:number} names position {published:number}, which is not before it.",
    "De verwijdering op positie {position:number} noemt positie {published:number}, die er niet voor ligt.",
)
REMOVAL_OF_NONE: Final = Sentence(
    "The removal at position {position:number} names position {published:number}, where nothing was published.",
    "De verwijdering op positie {position:number} noemt positie {published:number}, waar niets gepubliceerd is.",
)
REMOVAL_TWICE: Final = Sentence(
    "The removal at position {position:number} names position {published:number}, which was removed before.",
    "De verwijdering op positie {position:number} noemt positie {published:number}, die al eerder verwijderd was.",
)

COMMITMENTS_NAME: Final = Sentence(
    "The index acts on the covenant that you hold", "De index werkt met het convenant dat u hebt"
)
COMMITMENTS_HOW: Final = Sentence(
    "The index enters into the log on which version of the covenant it acts, and for each epoch a check of its secret. The "
    "versions were compared with your covenant file.",
    "De index legt in het logboek vast met welke versie van het convenant hij werkt, en per tijdvak een controlegetal van zijn "
    "geheim. De versies zijn vergeleken met uw convenantbestand.",
)
COVENANT_FOUND: Final = Sentence(
    "It acts on version {version:number}, which is yours.", "Hij werkt met versie {version:number}, die u ook hebt."
)
COVENANT_NEWER: Final = Sentence(
    "It acts on version {version:number}, and you hold version {held:number}: get the newer covenant file and take it with the "
    "command 'covenant'. Then the fingerprint is compared.",
    "Hij werkt met versie {version:number}, en u hebt versie {held:number}: vraag het nieuwere convenantbestand en neem het "
    "over met de opdracht 'covenant'. Dan wordt de vingerafdruk vergeleken.",
)
COVENANT_OLDER: Final = Sentence(
    "It acts on version {version:number}, and you hold version {held:number}: ask the operator when it takes the newer one.",
    "Hij werkt met versie {version:number}, en u hebt versie {held:number}: vraag de beheerder wanneer hij de nieuwere "
    "overneemt.",
)
COVENANT_NONE: Final = Sentence(
    "It has not entered on which version it acts.", "Hij heeft niet vastgelegd met welke versie hij werkt."
)
COVENANT_OTHER: Final = Sentence(
    "It acted on another document than yours under the name of version {version:number}: fingerprint {hash:hash}.",
    "Hij werkte onder de naam van versie {version:number} met een ander document dan het uwe: vingerafdruk {hash:hash}.",
)
COVENANT_BACK: Final = Sentence(
    "It went back to version {version:number} of the covenant after a newer one.",
    "Hij ging na een nieuwere terug naar versie {version:number} van het convenant.",
)
EPOCH_CHANGED: Final = Sentence(
    "It changed its secret of epoch {epoch:number}. What was published before and after that cannot match: ask the "
    "operator why.",
    "Hij veranderde zijn geheim van tijdvak {epoch:number}. Wat daarvoor en daarna gepubliceerd is, kan niet samen een match "
    "geven: vraag de beheerder waarom.",
)

WITNESSES_NAME: Final = Sentence("Independent witnesses saw the same log", "Onafhankelijke getuigen zagen hetzelfde logboek")
WITNESSES_HOW: Final = Sentence(
    "The cosignatures of the witnesses in the covenant ({witnesses:number}) were verified; {threshold:number} must have "
    "seen an entry before it counts. Longer than {hours:number} hours without is an alarm.",
    "De medeondertekeningen van de getuigen in het convenant ({witnesses:number}) zijn nagegaan; {threshold:number} moeten "
    "een regel gezien hebben voordat die telt. Langer dan {hours:number} uur zonder is een alarm.",
)
WITNESSES_NOT_ASKED: Final = Sentence(
    "The covenant demands no witness, as only a sandbox may. Then the operator can show each party another history without "
    "anybody noticing, unless parties compare checkpoints (--also).",
    "Het convenant eist geen getuige, wat alleen in een proefomgeving mag. Dan kan de beheerder elke partij een andere "
    "geschiedenis tonen zonder dat iemand het merkt, tenzij partijen controlepunten vergelijken (--also).",
)
WITNESSES_ALL: Final = Sentence(
    "All {size:number} entries were seen by as many witnesses as the covenant demands.",
    "Alle {size:number} regels zijn gezien door zoveel getuigen als het convenant eist.",
)
WITNESSES_WAITING: Final = Sentence(
    "{covered:number} entries were seen by enough witnesses; the newest {waiting:number} {waiting:one/waits/wait} for them and "
    "{waiting:one/is/are} not trusted yet.",
    "{covered:number} regels zijn door genoeg getuigen gezien; de nieuwste {waiting:number} {waiting:one/wacht/wachten} daar "
    "nog op en {waiting:one/wordt/worden} nog niet vertrouwd.",
)
WITNESSES_ALARM: Final = Sentence(
    "Enough witnesses cosigned last on {last:moment}, more than {hours:number} hours ago, and {waiting:number} "
    "{waiting:one/entry has/entries have} been added since. Ask the witnesses why: either they do not work, or they saw "
    "something that they refuse to sign.",
    "Genoeg getuigen ondertekenden voor het laatst op {last:moment}, meer dan {hours:number} uur geleden, en sindsdien "
    "{waiting:one/is/zijn} er {waiting:number} {waiting:one/regel/regels} bij gekomen. Vraag de getuigen waarom: ze werken "
    "niet, of ze zagen iets wat ze weigeren te ondertekenen.",
)
WITNESSES_FEW: Final = Sentence(
    "Only {count:number} of the {threshold:number} witnesses that are needed ever cosigned, so that nothing is trusted yet. "
    "You know of this since {since:moment}.",
    "Pas {count:number} van de {threshold:number} benodigde getuigen hebben ooit ondertekend, zodat er nog niets vertrouwd "
    "wordt. U weet dit sinds {since:moment}.",
)
WITNESS_FUTURE: Final = Sentence(
    "Witness {witness:text} signed with a time that has not come yet: its clock is wrong, and its age is not counted.",
    "Getuige {witness:text} ondertekende met een tijd die nog komen moet: de klok loopt niet goed, en de ouderdom telt "
    "niet mee.",
)
WITNESS: Final = Sentence("Witness", "Getuige")
SEEN: Final = Sentence("Entries seen", "Regels gezien")
BEHIND_BY: Final = Sentence("Not seen yet", "Nog niet gezien")
SIGNED_AT: Final = Sentence("Cosigned on", "Ondertekend op")
HOURS_AGO: Final = Sentence("Hours ago", "Uren geleden")
NEVER: Final = Sentence("never", "nooit")

KINDS: Final = {
    Kind.PUBLISHED: Sentence("involvement published", "betrokkenheid gepubliceerd"),
    Kind.REMOVED: Sentence("involvement removed", "betrokkenheid verwijderd"),
    Kind.COVENANT: Sentence("covenant version taken", "convenantversie overgenomen"),
    Kind.EPOCH: Sentence("epoch begun", "tijdvak begonnen"),
    Kind.STATEMENT: Sentence("statement of a key holder", "verklaring van een sleutelhouder"),
}
GROWTH: Final = Sentence("What the log holds", "Wat het logboek bevat")
GROWTH_SINCE: Final = Sentence(
    "What the log holds, and what was added since {at:moment}", "Wat het logboek bevat, en wat erbij kwam sinds {at:moment}"
)
READING: Final = Sentence("reading the log", "het logboek lezen")
KIND: Final = Sentence("Kind of entry", "Soort regel")
ADDED: Final = Sentence("Added", "Erbij")
TOTAL: Final = Sentence("In total", "In totaal")
SIZE: Final = Sentence("Entries in the log", "Regels in het logboek")
LIVE: Final = Sentence("Involvements that stand now", "Betrokkenheden die nu staan")
LIVE_MEANS: Final = Sentence(
    "Published minus removed. The index must have exactly so many rows: 'index' checks that.",
    "Gepubliceerd min verwijderd. De index moet precies zoveel rijen hebben: 'index' controleert dat.",
)
TRUSTED_NOW: Final = Sentence("Entries that are trusted", "Regels die vertrouwd worden")

NOT_TWO: Final = Sentence(
    "That everybody is shown this log, beyond what the witnesses named above and the checkpoints given with --also have seen. "
    "Without witnesses two histories can be shown side by side.",
    "Dat iedereen dit logboek te zien krijgt, voor zover de genoemde getuigen en de met --also gegeven controlepunten het niet "
    "zagen. Zonder getuigen kunnen er twee geschiedenissen naast elkaar worden getoond.",
)
NOT_TRUE: Final = Sentence(
    "That what was published is true, or was allowed: the log holds no names, numbers or cases, only seals on them.",
    "Dat wat gepubliceerd is waar is, of mocht: het logboek bevat geen namen, nummers of zaken, alleen zegels daarop.",
)
NOT_DATABASE: Final = Sentence(
    "That the operator's database equals the log. 'index' checks that, 'node' checks it for one organisation.",
    "Dat de database van de beheerder gelijk is aan het logboek. 'index' controleert dat, 'node' voor één organisatie.",
)
NOT_ABSENT: Final = Sentence(
    "That everything that was sent to the index was entered. Each node checks that for itself, by its receipts.",
    "Dat alles wat naar de index is gestuurd is opgenomen. Elk knooppunt controleert dat zelf, met zijn ontvangstbewijzen.",
)
