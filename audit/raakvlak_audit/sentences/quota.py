"""The words of `quota`."""

from typing import Final

from raakvlak_audit.wording import Sentence

TITLE: Final = Sentence(
    "How many persons each organisation could ask about", "Naar hoeveel personen elke organisatie kon vragen"
)
STATEMENTS: Final = Sentence("Statements of the key holders", "Verklaringen van de sleutelhouders")
INDEX: Final = Sentence("Database of the index", "Database van de index")

SIGNED_NAME: Final = Sentence("The statements are the key holders' own", "De verklaringen zijn van de sleutelhouders zelf")
SIGNED_HOW: Final = Sentence(
    "Each file was read strictly, and its signature compared with the key of the key holder in the covenant.",
    "Elk bestand is streng gelezen, en de handtekening is vergeleken met de sleutel van de sleutelhouder in het convenant.",
)
SIGNED_FOUND: Final = Sentence(
    "{files:number} {files:one/statement/statements} of {holders:number} {holders:one/key holder/key holders}, from "
    "{first:day} to {last:day}, all signed.",
    "{files:number} {files:one/verklaring/verklaringen} van {holders:number} {holders:one/sleutelhouder/sleutelhouders}, van "
    "{first:day} tot en met {last:day}, alle ondertekend.",
)
SIGNED_WRONG: Final = Sentence(
    "File {file:text} can't be trusted: {problem:text}. It is left out of everything below.",
    "Bestand {file:text} is niet te vertrouwen: {problem:text}. Het telt hieronder niet mee.",
)
SIGNED_NONE: Final = Sentence(
    "There is no statement in the folder. Ask each key holder for its daily statements.",
    "Er staat geen verklaring in de map. Vraag elke sleutelhouder om de dagverklaringen.",
)

DAYS_NAME: Final = Sentence("No day is missing", "Er ontbreekt geen dag")
DAYS_HOW: Final = Sentence(
    "From the first statement of any key holder until {last:day}, each key holder must have one for each day.",
    "Vanaf de eerste verklaring van een sleutelhouder tot en met {last:day} moet elke sleutelhouder er elke dag een hebben.",
)
DAYS_FOUND: Final = Sentence("Every key holder has stated every day.", "Elke sleutelhouder heeft over elke dag verklaard.")
DAYS_MISSING: Final = Sentence(
    "Of key holder {holder:text} the statements from {first:day} to {last:day} are missing: ask for them.",
    "Van sleutelhouder {holder:text} ontbreken de verklaringen van {first:day} tot en met {last:day}: vraag erom.",
)
DAYS_NONE: Final = Sentence("There is nothing to go by.", "Er is niets om van uit te gaan.")

COUNTS_NAME: Final = Sentence("The key holders kept to the quota", "De sleutelhouders hielden zich aan de quota")
COUNTS_HOW: Final = Sentence(
    "Of each statement: is there only one for its day, does each running count go on from the one before, and is no day's "
    "count more than what is left of the first load and the daily quota together (the largest that any version of the "
    "covenant granted).",
    "Van elke verklaring: is er maar één voor die dag, loopt elke doorlopende telling door vanaf de vorige, en is geen "
    "dagtelling hoger dan wat er over is van de eerste lading en het dagquotum samen (het hoogste dat enige versie van het "
    "convenant gaf).",
)
COUNTS_FOUND: Final = Sentence("All counts hold together.", "Alle tellingen kloppen met elkaar.")
COUNTS_TWO: Final = Sentence(
    "Key holder {holder:text} signed two different statements for {day:day}: one of them is false.",
    "Sleutelhouder {holder:text} ondertekende twee verschillende verklaringen voor {day:day}: een ervan is onwaar.",
)
COUNTS_BROKEN: Final = Sentence(
    "Key holder {holder:text}, {day:day}: the count of member {member:text} ({namespace:text}, epoch {epoch:number}) does not "
    "go on from the one before. Counts were lost or changed.",
    "Sleutelhouder {holder:text}, {day:day}: de telling van lid {member:text} ({namespace:text}, tijdvak {epoch:number}) loopt "
    "niet door vanaf de vorige. Tellingen zijn verloren gegaan of veranderd.",
)
COUNTS_OVER: Final = Sentence(
    "Key holder {holder:text}, {day:day}: member {member:text} was charged {charged:number} in {namespace:text}, and at most "
    "{allowed:number} were allowed.",
    "Sleutelhouder {holder:text}, {day:day}: lid {member:text} kreeg {charged:number} aangerekend in {namespace:text}, en "
    "hoogstens {allowed:number} mocht.",
)

LOG_NAME: Final = Sentence("The statements were committed to in the log", "De verklaringen liggen vast in het logboek")
LOG_HOW: Final = Sentence(
    "The fingerprint of each file was searched for in the log, which no key holder can change afterwards.",
    "De vingerafdruk van elk bestand is gezocht in het logboek, dat geen sleutelhouder achteraf kan veranderen.",
)
LOG_FOUND: Final = Sentence(
    "All {files:number} stand in the log, of which {size:number} entries were read and verified.",
    "Alle {files:number} staan in het logboek, waarvan {size:number} regels zijn gelezen en nagegaan.",
)
LOG_ABSENT: Final = Sentence(
    "File {file:text} of key holder {holder:text} for {day:day} does not stand in the log: it is another one than was "
    "committed to that day, or none was.",
    "Bestand {file:text} van sleutelhouder {holder:text} voor {day:day} staat niet in het logboek: het is een ander dan toen "
    "is vastgelegd, of er is niets vastgelegd.",
)
LOG_LATE: Final = Sentence(
    "File {file:text} of key holder {holder:text} for {day:day} does not stand in the log as far as you trust it. It may "
    "have come later: run 'follow', then this again.",
    "Bestand {file:text} van sleutelhouder {holder:text} voor {day:day} staat niet in het logboek voor zover u dat vertrouwt. "
    "Het kan later gekomen zijn: voer 'follow' uit, en daarna dit opnieuw.",
)
LOG_SKIPPED: Final = Sentence(
    "This was not checked: no log is set, no checkpoint is trusted yet, or --no-log was given.",
    "Dit is niet gecontroleerd: er is geen logboek ingesteld, nog geen controlepunt vertrouwd, of --no-log is opgegeven.",
)

BOUND_NAME: Final = Sentence("Nobody published more than was evaluated", "Niemand publiceerde meer dan er is berekend")
BOUND_HOW: Final = Sentence(
    "Every code needs an evaluation by {threshold:number} key holders. From the counts of each it was calculated how many "
    "codes a member can have made at most, and compared with the different codes that the index holds of that member.",
    "Elke code vraagt een berekening door {threshold:number} sleutelhouders. Uit de tellingen van elk is uitgerekend hoeveel "
    "codes een lid hoogstens gemaakt kan hebben, en dat is vergeleken met de verschillende codes van dat lid bij de index.",
)
BOUND_SKIPPED: Final = Sentence(
    "This was not checked: no database of the index was given (--index).",
    "Dit is niet gecontroleerd: er is geen database van de index gegeven (--index).",
)
BOUND_FOUND: Final = Sentence(
    "{members:number} {members:one/member/members} with {rows:number} {rows:one/code/codes}: none has more than could be made.",
    "{members:number} {members:one/lid/leden} met {rows:number} {rows:one/code/codes}: geen heeft er meer dan kon.",
)
BOUND_EMPTY: Final = Sentence("The database holds no codes.", "De database bevat geen codes.")
BOUND_OVER: Final = Sentence(
    "Member {member:text}, epoch {epoch:number}: {rows:number} codes, and at most {bound:number} can have been made. The rest "
    "was not made with the key holders, or a key holder's statement is false.",
    "Lid {member:text}, tijdvak {epoch:number}: {rows:number} codes, en er kunnen er hoogstens {bound:number} gemaakt zijn. De "
    "rest is niet met de sleutelhouders gemaakt, of een verklaring van een sleutelhouder is onwaar.",
)
BOUND_UNKNOWN: Final = Sentence(
    "Member {member:text}, epoch {epoch:number}: {rows:number} codes, and the statements so far account for {bound:number}. "
    "The days that are not stated yet may account for the rest: do this again with the statements up to {day:day}.",
    "Lid {member:text}, tijdvak {epoch:number}: {rows:number} codes, en de verklaringen tot nu toe verantwoorden er "
    "{bound:number}. De dagen die nog niet verklaard zijn, kunnen de rest verklaren: doe dit opnieuw met de verklaringen tot "
    "en met {day:day}.",
)
MEMBER: Final = Sentence("Member", "Lid")
EPOCH: Final = Sentence("Epoch", "Tijdvak")
CODES: Final = Sentence("Codes at the index", "Codes bij de index")
AT_MOST: Final = Sentence("At most possible", "Hoogstens mogelijk")
CHARGED_BY: Final = Sentence("Charged by {holder:text}", "Aangerekend door {holder:text}")

BURSTS_NAME: Final = Sentence("Days that stand out", "Dagen die opvallen")
BURSTS_HOW: Final = Sentence(
    "A day is named when a member could make at least {least:number} codes on it, and that is more than its daily quota allows "
    "or more than {factor:number} times its usual day.",
    "Een dag wordt genoemd als een lid er minstens {least:number} codes kon maken, en dat meer is dan het dagquotum toelaat of "
    "meer dan {factor:number} keer de gewone dag van dat lid.",
)
BURSTS_NONE: Final = Sentence("No day stands out.", "Geen dag valt op.")
BURSTS_FIRST: Final = Sentence(
    "{count:number} {count:one/day stands/days stand} out and {count:one/is/are} explained by a first load: an organisation "
    "that began.",
    "{count:number} {count:one/dag valt/dagen vallen} op door een eerste lading: een organisatie die begon.",
)
BURSTS_OTHER: Final = Sentence(
    "{count:number} {count:one/day stands/days stand} out without that. Ask the member what was done on {count:one/it/them}.",
    "{count:number} {count:one/dag valt/dagen vallen} op zonder dat. Vraag het lid wat er toen gedaan is.",
)
DAY: Final = Sentence("Day", "Dag")
TOKENS: Final = Sentence("Codes that day, at most", "Codes die dag, hoogstens")
USUAL: Final = Sentence("Usual day", "Gewone dag")
EXPLAINED: Final = Sentence("Explained by", "Verklaard door")
FIRST_LOAD: Final = Sentence("first load", "eerste lading")
NOTHING: Final = Sentence("nothing yet", "nog niets")

REACH_TITLE: Final = Sentence(
    "How long it takes with the quota for {namespace:words}: to try all {passing:number} numbers that can be a citizen service "
    "number, and to go through a list",
    "Hoe lang het duurt met het quotum voor {namespace:words}: alle {passing:number} nummers proberen die een BSN kunnen zijn, "
    "en een lijst doorlopen",
)
REACH_LIST: Final = Sentence(
    "How long it takes with the quota for {namespace:words} to go through a list",
    "Hoe lang het duurt om met het quotum voor {namespace:words} een lijst te doorlopen",
)
NAMESPACES: Final = {
    "bsn": Sentence("citizen service numbers", "burgerservicenummers"),
    "address": Sentence("addresses", "adressen"),
}
WHO: Final = Sentence("Who", "Wie")
TOGETHER: Final = Sentence(
    "the {count:number} largest together: {members:text}", "de {count:number} grootste samen: {members:text}"
)
A_DAY: Final = Sentence("Codes a day", "Codes per dag")
ALL_NUMBERS: Final = Sentence("All numbers, years", "Alle nummers, jaren")
LIST: Final = Sentence("List of", "Lijst van")
LIST_DAYS: Final = Sentence("That list, days", "Die lijst, dagen")
LIST_FRESH: Final = Sentence("With an unused first load, days", "Met ongebruikte eerste lading, dagen")
NEVER: Final = Sentence("never", "nooit")
SLOWEST: Final = Sentence(
    "Shortest time in which one member could try every number, in years",
    "Kortste tijd waarin één lid alle nummers kan proberen, in jaren",
)
SLOWEST_TOGETHER: Final = Sentence(
    "The same for the {count:number} largest members together, in years",
    "Hetzelfde voor de {count:number} grootste leden samen, in jaren",
)
SLOWEST_MEANS: Final = Sentence(
    "By the daily quotas alone, with {holders:number} key holders of whom {threshold:number} make a code.",
    "Met alleen de dagquota, met {holders:number} sleutelhouders van wie er {threshold:number} een code maken.",
)
SHORTEST_LIST: Final = Sentence(
    "Shortest time in which one member can go through a list as long as it declared, in days",
    "Kortste tijd waarin één lid een lijst kan doorlopen zo lang als opgegeven, in dagen",
)
SHORTEST_LIST_MEANS: Final = Sentence(
    "Whoever has a list already, such as a municipality of its youths, needs only that long. The first load, once in each "
    "epoch, makes it shorter as long as it is not used.",
    "Wie al een lijst heeft, zoals een gemeente van haar jeugdigen, heeft maar zo lang nodig. De eerste lading, eens per "
    "tijdvak, maakt het korter zolang die niet gebruikt is.",
)

NOT_PROOF: Final = Sentence(
    "That every code was made with the key holders: it is a bound. A member that evaluates much and publishes little has room "
    "for codes of its own making.",
    "Dat elke code met de sleutelhouders is gemaakt: het is een grens. Een lid dat veel laat berekenen en weinig publiceert, "
    "heeft ruimte voor eigengemaakte codes.",
)
NOT_REMOVED: Final = Sentence(
    "Anything about codes that were withdrawn or have lapsed: only those that the index holds now were counted.",
    "Iets over codes die zijn ingetrokken of vervallen: alleen wat de index nu heeft, is geteld.",
)
NOT_COLLUDING: Final = Sentence(
    "That the key holders tell the truth. As many as make a code together could count too little, and make codes without "
    "anybody knowing.",
    "Dat de sleutelhouders de waarheid spreken. Zoveel als er samen een code maken, kunnen te weinig tellen, en codes maken "
    "zonder dat iemand het weet.",
)
NOT_WHOM: Final = Sentence(
    "About whom was asked. Nobody but the organisation itself can see that.",
    "Naar wie is gevraagd. Dat kan niemand zien dan de organisatie zelf.",
)
NOT_EPOCHS: Final = Sentence(
    "A new epoch brings a new first load, and a new covenant version can raise a quota: look at these figures again then.",
    "Een nieuw tijdvak brengt een nieuwe eerste lading, en een nieuwe versie van het convenant kan een quotum verhogen: bekijk "
    "deze cijfers dan opnieuw.",
)
