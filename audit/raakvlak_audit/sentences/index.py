"""The words of `index`."""

from typing import Final

from raakvlak_audit.wording import Sentence

TITLE: Final = Sentence("What the index really holds", "Wat de index werkelijk bewaart")
DATABASE: Final = Sentence("Database", "Database")
BACKUP_OF: Final = Sentence("Backup made on", "Back-up gemaakt op")
TRUSTED: Final = Sentence("Log that you trust, in entries", "Logboek dat u vertrouwt, in regels")

HOLDINGS_NAME: Final = Sentence(
    "The database has the agreed tables and columns, and nothing else",
    "De database heeft de afgesproken tabellen en kolommen, en verder niets",
)
HOLDINGS_HOW: Final = Sentence(
    "The list of every table and column that the database may have stands in this program, apart from the index's own. It was "
    "compared with the database, and so were the type, the size and the form of every value in it.",
    "De lijst van alle tabellen en kolommen die de database mag hebben staat in dit programma, los van die van de index. Die "
    "is met de database vergeleken, net als soort, grootte en vorm van elke waarde daarin.",
)
HOLDINGS_FOUND: Final = Sentence(
    "{tables:number} tables with {columns:number} columns, all of them agreed. No name, number, address, role or reason has "
    "a place in them.",
    "{tables:number} tabellen met {columns:number} kolommen, alle afgesproken. Voor een naam, nummer, adres, rol of reden is "
    "daarin geen plaats.",
)
STRANGER: Final = {
    "table": Sentence(
        "There is a table {table:text} that was not agreed.", "Er is een tabel {table:text} die niet is afgesproken."
    ),
    "virtual table": Sentence(
        "There is a table {table:text} that was not agreed, and it reads from elsewhere.",
        "Er is een tabel {table:text} die niet is afgesproken, en die elders uit leest.",
    ),
    "view": Sentence(
        "There is a view {table:text} that was not agreed.", "Er is een weergave {table:text} die niet is afgesproken."
    ),
    "trigger": Sentence(
        "There is a trigger {table:text}: the database does something by itself that was not agreed.",
        "Er is een trigger {table:text}: de database doet uit zichzelf iets dat niet is afgesproken.",
    ),
    "index": Sentence(
        "There is a search index {table:text} that was not agreed.", "Er is een zoekindex {table:text} die niet is afgesproken."
    ),
    "built": Sentence(
        "{table:text} is built in the database in another way than agreed, or its description holds something more.",
        "{table:text} is in de database anders opgebouwd dan afgesproken, of er staat iets meer in de beschrijving ervan.",
    ),
}
STRANGE_COLUMN: Final = {
    "column": Sentence(
        "Table {table:text} has a column {column:text} that was not agreed.",
        "Tabel {table:text} heeft een kolom {column:text} die niet is afgesproken.",
    ),
    "type": Sentence(
        "Column {column:text} of table {table:text} is of another type than agreed.",
        "Kolom {column:text} van tabel {table:text} is van een ander soort dan afgesproken.",
    ),
}
MISSING_TABLE: Final = Sentence("Table {table:text} is missing.", "Tabel {table:text} ontbreekt.")
MISSING_COLUMN: Final = Sentence(
    "Column {column:text} of table {table:text} is missing.", "Kolom {column:text} van tabel {table:text} ontbreekt."
)
MISFIT: Final = Sentence(
    "{count:number} {count:one/value/values} in column {column:text} of table {table:text} {count:one/is/are} of another type "
    "or size than what belongs there: something else may be hidden in it.",
    "{count:number} {count:one/waarde/waarden} in kolom {column:text} van tabel {table:text} {count:one/is/zijn} van een ander "
    "soort of grootte dan wat daar hoort: er kan iets anders in verborgen zijn.",
)

MOMENT_NAME: Final = Sentence(
    "The database is of the day on which it says to be made", "De database is van de dag waarop die zegt gemaakt te zijn"
)
MOMENT_HOW: Final = Sentence(
    "Terms are counted from today, or for a backup from the day that stands in it. Nothing in the database, and no checkpoint "
    "in it that you trust, may be of a later day.",
    "Termijnen worden geteld vanaf vandaag, of bij een back-up vanaf de dag die erin staat. Niets in de database, en geen "
    "controlepunt daarin dat u vertrouwt, mag van een latere dag zijn.",
)
MOMENT_NOW: Final = Sentence("It was judged by today.", "De database is naar vandaag beoordeeld.")
MOMENT_BACKUP: Final = Sentence(
    "It is a backup of {day:day}, and was judged by that day.", "Het is een back-up van {day:day}, en naar die dag beoordeeld."
)
MOMENT_SAY_BACKUP: Final = Sentence(
    "It says to be a backup of {day:day}, and was judged by today. If the operator gave you a backup, use --backup; the "
    "database that the index works with never says so.",
    "De database zegt een back-up van {day:day} te zijn, en is naar vandaag beoordeeld. Gaf de beheerder u een back-up, "
    "gebruik dan --backup; de database waarmee de index werkt zegt dat nooit.",
)
MOMENT_NO_DAY: Final = Sentence(
    "It says to be a backup of a day that does not exist: somebody wrote that into it.",
    "De database zegt een back-up te zijn van een dag die niet bestaat: dat heeft iemand erin geschreven.",
)
MOMENT_TO_COME: Final = Sentence(
    "It says to be a backup of {day:day}, which has not come yet.",
    "De database zegt een back-up te zijn van {day:day}, en die dag moet nog komen.",
)
MOMENT_TOO_EARLY: Final = Sentence(
    "It would be of {day:day}, and has to do with something of {latest:day}: it is newer than it says, or a day in it was "
    "changed.",
    "De database zou van {day:day} zijn, en heeft te maken met iets van {latest:day}: die is nieuwer dan erin staat, of er is "
    "een dag in veranderd.",
)

LOG_NAME: Final = Sentence("The database holds the log that you trust", "De database bevat het logboek dat u vertrouwt")
LOG_HOW: Final = Sentence(
    "The fingerprint of all log entries in the database was computed anew and compared with the one that you verified before "
    "with 'follow', and of newer ones with what the log has published. One changed, missing or added entry gives another "
    "fingerprint.",
    "De vingerafdruk van alle logregels in de database is opnieuw berekend en vergeleken met die u eerder met 'follow' hebt "
    "geverifieerd, en die van nieuwere met wat het logboek gepubliceerd heeft. Eén gewijzigde, ontbrekende of toegevoegde "
    "regel geeft een andere vingerafdruk.",
)
LOG_SAME: Final = Sentence(
    "The first {size:number} entries are the ones that you trust.", "De eerste {size:number} regels zijn die u vertrouwt."
)
LOG_NEWER: Final = Sentence(
    "The database has {count:number} newer {count:one/entry/entries} than you trust, and the published log could not be asked "
    "about {count:one/it/them}: a removal or a row may have been written into this copy alone. Run 'follow', and then this "
    "check again. The program says: {why:text}.",
    "De database heeft {count:number} nieuwere {count:one/regel/regels} dan u vertrouwt, en daarover kon het gepubliceerde "
    "logboek niet gevraagd worden: een verwijdering of rij kan alleen in deze kopie geschreven zijn. Doe 'follow' en daarna "
    "deze controle opnieuw. Het programma meldt: {why:text}.",
)
LOG_PUBLISHED_WRONG: Final = Sentence(
    "What the log publishes now does not go on from what you trust. Run 'follow', which keeps the evidence. The program says: "
    "{why:text}.",
    "Wat het logboek nu publiceert gaat niet verder vanaf wat u vertrouwt. Doe 'follow', dat het bewijs bewaart. Het programma "
    "meldt: {why:text}.",
)
LOG_NOT_PUBLISHED: Final = Sentence(
    "The first {size:number} entries in the database are not those that the log published: behind what you trust something "
    "was written into this copy alone.",
    "De eerste {size:number} regels in de database zijn niet die het logboek gepubliceerd heeft: achter wat u vertrouwt is "
    "iets alleen in deze kopie geschreven.",
)
LOG_SIGNED: Final = Sentence(
    "{count:number} newer {count:one/entry is/entries are} as published under the newest checkpoint that the log signed, of "
    "{size:number} entries and fingerprint {root:text}. Run 'follow' to let the witnesses' word count for {count:one/it/them} "
    "too.",
    "{count:number} nieuwere {count:one/regel is/regels zijn} zoals gepubliceerd onder het nieuwste controlepunt dat het "
    "logboek ondertekende, van {size:number} regels en met vingerafdruk {root:text}. Doe 'follow' om ook daarvoor het woord "
    "van de getuigen te laten gelden.",
)
LOG_BEYOND: Final = Sentence(
    "The last {count:number} {count:one/entry/entries} of the database {count:one/is/are} covered by no checkpoint, so that a "
    "removal or a row may have been written into this copy alone. Make the copy first, then run 'follow', then this check; if "
    "it stays so, make the copy again later.",
    "De laatste {count:number} {count:one/regel/regels} van de database {count:one/wordt/worden} door geen controlepunt "
    "gedekt, zodat een verwijdering of rij alleen in deze kopie geschreven kan zijn. Maak eerst de kopie, doe dan 'follow' en "
    "dan deze controle; blijft het zo, maak de kopie dan later opnieuw.",
)
LOG_OTHER: Final = Sentence(
    "The log in this database is not the log that you trust: its first {size:number} entries have another fingerprint. "
    "Somebody rewrote the log or the database, or this is the database of another index.",
    "Het logboek in deze database is niet het logboek dat u vertrouwt: de eerste {size:number} regels hebben een andere "
    "vingerafdruk. Iemand heeft het logboek of de database herschreven, of dit is de database van een andere index.",
)
LOG_BEHIND: Final = Sentence(
    "The database has {size:number} entries and you trust {trusted:number}: an old copy stands in the place of the database, "
    "so that what was removed since stands in it again. If the operator gave you a backup on purpose, use --backup.",
    "De database heeft {size:number} regels en u vertrouwt er {trusted:number}: er staat een oude kopie op de plaats van de "
    "database, zodat wat sindsdien verwijderd is er weer in staat. Gaf de beheerder u met opzet een back-up, gebruik dan "
    "--backup.",
)
LOG_OLDER: Final = Sentence(
    "The backup ends at entry {size:number} of the {trusted:number} that you trust, and is the beginning of these.",
    "De back-up eindigt bij regel {size:number} van de {trusted:number} die u vertrouwt, en is daar het begin van.",
)
LOG_UNPROVEN: Final = Sentence(
    "The backup ends at entry {size:number} of the {trusted:number} that you trust; whether it is the beginning of these "
    "can't be said without the log. The program says: {why:text}.",
    "De back-up eindigt bij regel {size:number} van de {trusted:number} die u vertrouwt; of het daar het begin van is, is "
    "zonder het logboek niet te zeggen. Het programma meldt: {why:text}.",
)
LOG_UNTRUSTED: Final = Sentence(
    "You trust no checkpoint yet, so this could not be compared: run 'follow' first.",
    "U vertrouwt nog geen controlepunt, dus dit kon niet vergeleken worden: doe eerst 'follow'.",
)
LOG_GAP: Final = Sentence(
    "The entries are not numbered without gaps: entry {position:number} is missing.",
    "De regels zijn niet zonder gaten genummerd: regel {position:number} ontbreekt.",
)
LOG_ENTRY: Final = Sentence(
    "Entry {position:number} is wrong: {what:text}.", "Regel {position:number} klopt niet: {what:text}."
)
LOG_COVENANT: Final = Sentence(
    "The log names version {version:number} of the covenant with another fingerprint than the one that you have.",
    "Het logboek noemt versie {version:number} van het convenant met een andere vingerafdruk dan die u hebt.",
)

ROWS_NAME: Final = Sentence(
    "Every involvement in the database stands in the log, and the reverse",
    "Elke betrokkenheid in de database staat in het logboek, en andersom",
)
ROWS_HOW: Final = Sentence(
    "Each row in the database names its place in the log and holds the random number that opens it. Opened, the entry must "
    "give exactly this row: its member, its month of removal, all of it. Each entry that was not removed must have one row.",
    "Elke rij in de database noemt haar plaats in het logboek en bevat het toevalsgetal dat die opent. Geopend moet de regel "
    "precies deze rij geven: het lid, de maand van verwijdering, alles. Elke regel die niet verwijderd is moet één rij hebben.",
)
ROWS_FOUND: Final = Sentence(
    "{rows:number} rows, {live:number} live places in the log; each row opens its own place.",
    "{rows:number} rijen, {live:number} levende plaatsen in het logboek; elke rij opent haar eigen plaats.",
)
NO_ROW: Final = Sentence(
    "The involvement logged at place {position:number} has no row: it was deleted from the database, and the log was not told.",
    "De betrokkenheid op plaats {position:number} van het logboek heeft geen rij: die is uit de database gehaald zonder dat "
    "het logboek het weet.",
)
MORE: Final = Sentence("{count:number} of this kind in all.", "In totaal {count:number} van dit soort.")
WRONG_ROW: Final = {
    "no_leaf": Sentence(
        "A row of {member:text} names place {position:number}, where the log has no involvement: it was slipped into the "
        "database.",
        "Een rij van {member:text} noemt plaats {position:number}, waar het logboek geen betrokkenheid heeft: die is in de "
        "database gesmokkeld.",
    ),
    "removed": Sentence(
        "A row of {member:text} stands though the log says that place {position:number} was removed: it was kept, or came back "
        "with an old copy.",
        "Een rij van {member:text} staat er nog terwijl plaats {position:number} volgens het logboek verwijderd is: die is "
        "bewaard, of met een oude kopie teruggekomen.",
    ),
    "twice": Sentence(
        "A second row, of {member:text}, names place {position:number}: one of the two was slipped in.",
        "Een tweede rij, van {member:text}, noemt plaats {position:number}: een van de twee is er ingesmokkeld.",
    ),
    "not_opened": Sentence(
        "A row of {member:text} does not open its place {position:number}: it is not as it was published. Its term, its member "
        "or something else in it was changed.",
        "Een rij van {member:text} opent haar plaats {position:number} niet: die is niet zoals gepubliceerd. De termijn, het "
        "lid of iets anders erin is gewijzigd.",
    ),
    "overdue": Sentence(
        "A row of {member:text} (place {position:number}) should have gone: its month of removal has begun.",
        "Een rij van {member:text} (plaats {position:number}) had weg moeten zijn: de maand van verwijdering is begonnen.",
    ),
    "too_long": Sentence(
        "A row of {member:text} (place {position:number}) would stay longer than the covenant allows.",
        "Een rij van {member:text} (plaats {position:number}) zou langer blijven dan het convenant toestaat.",
    ),
}

TERMS_NAME: Final = Sentence("Nothing stands longer than agreed", "Niets staat langer dan afgesproken")
TERMS_HOW: Final = Sentence(
    "The month of removal of each row was compared with this month and with the term in the covenant ({months:number} months).",
    "De maand van verwijdering van elke rij is vergeleken met deze maand en met de termijn in het convenant ({months:number} "
    "maanden).",
)
TERMS_FOUND: Final = Sentence("No row is past its month.", "Geen rij is over haar maand heen.")

MATCHES_NAME: Final = Sentence(
    "Every match was told to both sides, and nothing else was", "Elke match is aan beide kanten gemeld, en verder niets"
)
MATCHES_HOW: Final = Sentence(
    "Where two members that may see each other's matches have a direct row with the same code, there must be one record that "
    "both were told; and each such record must have these two rows.",
    "Waar twee leden die elkaars matches mogen zien een rechtstreekse rij hebben met dezelfde code, moet één aantekening staan "
    "dat het beiden gemeld is; en bij elke aantekening moeten die twee rijen staan.",
)
MATCHES_FOUND: Final = Sentence(
    "{told:number} {told:one/match/matches}, each told to both sides.",
    "{told:number} {told:one/match/matches}, elk aan beide kanten gemeld.",
)
MATCHES_WAIT: Final = Sentence(
    "{count:number} {count:one/match was/matches were} not told, which the database explains by these members being silent or "
    "their queue full: {members:text}. The operator can write that itself, so ask each of them whether it was so; its account "
    "('node') tells.",
    "{count:number} {count:one/match is/matches zijn} niet gemeld, en de database verklaart dat doordat deze leden stil waren "
    "of hun wachtrij vol was: {members:text}. Dat kan de beheerder zelf opschrijven, dus vraag elk van hen of het zo was; hun "
    "verantwoording ('node') vertelt het.",
)
WRONG_MATCH: Final = {
    "not_told": Sentence(
        "A match of {one:text} and {other:text} was not told to them.",
        "Een match van {one:text} en {other:text} is hun niet gemeld.",
    ),
    "told_without_rows": Sentence(
        "{one:text} and {other:text} were told of a match for which no two rows stand.",
        "Aan {one:text} en {other:text} is een match gemeld waarvoor geen twee rijen staan.",
    ),
    "told_twice": Sentence(
        "A match of {one:text} and {other:text} has two records.",
        "Een match van {one:text} en {other:text} heeft twee aantekeningen.",
    ),
}

MEDIATED_NAME: Final = Sentence(
    "Of what is not shown directly only the coordinator was told",
    "Van wat niet rechtstreeks wordt getoond hoorde alleen de coördinator",
)
MEDIATED_HOW: Final = Sentence(
    "Where two members have a row with the same code and may not be told of it themselves, because one of them keeps its row "
    "back or the covenant lets their kinds see each other only through a coordinator, there must be one record that the "
    "coordinator which the covenant names for them was told, and who of them it may ask. Of other matches it may know only "
    "those that were told to both sides and that one of them brought to it.",
    "Waar twee leden een rij hebben met dezelfde code en dat zelf niet mogen horen, omdat een van hen zijn rij achterhoudt of "
    "hun soorten elkaar volgens het convenant alleen via een coördinator zien, moet één aantekening staan dat het gemeld is "
    "aan de coördinator die het convenant voor hen aanwijst, en wie die mag vragen. Van andere matches mag die alleen kennen "
    "wat aan beide kanten gemeld is en een van beide heeft voorgelegd.",
)
MEDIATED_FOUND: Final = Sentence(
    "{told:number} {told:one/match is/matches are} before the coordinator that the covenant names.",
    "{told:number} {told:one/match ligt/matches liggen} bij de coördinator die het convenant aanwijst.",
)
MEDIATED_HALFWAY: Final = Sentence(
    "{count:number} {count:one/match/matches} more should be told to a coordinator, or should no longer be known to it. The "
    "index does that every quarter hour, so this copy may have come in between. Have another copy made an hour later: the "
    "number must then have been made up for.",
    "Nog {count:number} {count:one/match/matches} {count:one/hoort/horen} aan een coördinator gemeld te worden, of daar niet "
    "meer bekend te zijn. De index doet dat elk kwartier, dus deze kopie kan ertussenin gevallen zijn. Laat een uur later nog "
    "een kopie maken: dan moet dit zijn ingehaald.",
)
WRONG_MEDIATION: Final = {
    "not_told": Sentence(
        "A match that only {coordinator:text} may hear of was not told to it, though both rows stand for more than a day.",
        "Een match die alleen {coordinator:text} mag horen is daar niet gemeld, terwijl beide rijen er langer dan een dag "
        "staan.",
    ),
    "told_wrongly": Sentence(
        "{coordinator:text} was told of a match in another way than its two rows say: it need not know of it, or may ask "
        "another side. They stand so for more than a day.",
        "Aan {coordinator:text} is een match anders gemeld dan de twee rijen zeggen: die hoeft er niet van te weten, of mag "
        "een andere kant vragen. De rijen staan er zo langer dan een dag.",
    ),
    "told_another": Sentence(
        "{coordinator:text} was told of a match of two members between which the covenant never called it in.",
        "Aan {coordinator:text} is een match gemeld van twee leden waarvoor het convenant die nooit heeft aangewezen.",
    ),
    "told_twice": Sentence(
        "A match has two records that {coordinator:text} was told.",
        "Een match heeft twee aantekeningen dat die aan {coordinator:text} gemeld is.",
    ),
    "brought_without_match": Sentence(
        "A match stands as brought before {coordinator:text} by a side, and was never told to the sides.",
        "Een match staat als door een van beide kanten aan {coordinator:text} voorgelegd, en is die kanten nooit gemeld.",
    ),
}

LETTERS_NAME: Final = Sentence("No letter waits longer than agreed", "Geen brief wacht langer dan afgesproken")
LETTERS_HOW: Final = Sentence(
    "Letters wait sealed until their receiver fetches them, at most {days:number} days, and have one of {sizes:number} sizes.",
    "Brieven wachten verzegeld tot de ontvanger ze ophaalt, hooguit {days:number} dagen, en hebben een van {sizes:number} "
    "maten.",
)
LETTERS_FOUND: Final = Sentence(
    "{count:number} {count:one/letter waits/letters wait}, all within their term.",
    "Er {count:one/wacht/wachten} {count:number} {count:one/brief/brieven}, alle binnen hun termijn.",
)
LETTERS_LATE: Final = Sentence(
    "{count:number} {count:one/letter waits/letters wait} longer than {days:number} days.",
    "{count:number} {count:one/brief wacht/brieven wachten} langer dan {days:number} dagen.",
)
LETTERS_SIZE: Final = Sentence(
    "{count:number} {count:one/letter has/letters have} none of the agreed sizes: their size tells something.",
    "{count:number} {count:one/brief heeft/brieven hebben} geen van de afgesproken maten: hun grootte verraadt iets.",
)

MEMBERS_NAME: Final = Sentence("Members that are silent take no part", "Leden die stil zijn doen niet mee")
MEMBERS_HOW: Final = Sentence(
    "A member from which nothing was heard for more than {suspended:number} days is told no new matches; after "
    "{forgotten:number} days its rows go. Rows of an organisation that the covenant does not name must not stand.",
    "Een lid waarvan meer dan {suspended:number} dagen niets gehoord is krijgt geen nieuwe matches; na {forgotten:number} "
    "dagen verdwijnen de rijen. Rijen van een organisatie die het convenant niet noemt mogen er niet staan.",
)
MEMBERS_FOUND: Final = Sentence(
    "{count:number} members with rows, all of them heard of lately or suspended.",
    "{count:number} leden met rijen, van alle is onlangs gehoord of ze zijn opgeschort.",
)
MEMBER_SILENT: Final = Sentence(
    "Member {member:text} is silent for {days:number} days and suspended; {rows:number} rows of it stand.",
    "Lid {member:text} is {days:number} dagen stil en opgeschort; er staan {rows:number} rijen van.",
)
MEMBER_FORGOTTEN: Final = Sentence(
    "Member {member:text} is silent for {days:number} days and {rows:number} rows of it stand: they should have gone.",
    "Lid {member:text} is {days:number} dagen stil en er staan {rows:number} rijen van: die hadden weg moeten zijn.",
)
MEMBER_UNKNOWN: Final = Sentence(
    "{rows:number} rows stand in the name of {member:text}, which the covenant does not name.",
    "Er staan {rows:number} rijen op naam van {member:text}, dat het convenant niet noemt.",
)
MEMBER_LEFT: Final = Sentence(
    "Member {member:text} left the covenant on {day:day}; {rows:number} rows of it still stand, and must be gone after 90 "
    "days.",
    "Lid {member:text} is op {day:day} uit het convenant gegaan; er staan nog {rows:number} rijen van, die na 90 dagen weg "
    "moeten zijn.",
)
MEMBER: Final = Sentence("Member", "Lid")
ROWS: Final = Sentence("Rows", "Rijen")
SILENT_DAYS: Final = Sentence("Days since it was last heard of", "Dagen sinds er iets van gehoord is")

NOT_CHECKED: Final = Sentence(
    "This could not be checked: the database lacks what it needs (see above).",
    "Dit kon niet worden gecontroleerd: de database mist wat ervoor nodig is (zie hierboven).",
)
NOT_INVENTED: Final = Sentence(
    "That no row was invented in a member's name: database and log agree, and both are the operator's. Each member checks that "
    "for itself, and 'node' checks it with the member's help.",
    "Dat er geen rij op naam van een lid verzonnen is: database en logboek kloppen met elkaar, en beide zijn van de beheerder. "
    "Elk lid controleert dat zelf, en 'node' controleert het met hulp van het lid.",
)
NOT_ONLY_COPY: Final = Sentence(
    "That this is the only copy: the operator may have another database, a recording of the traffic or an older backup. Ask "
    "for the list of backups and when they are destroyed (at most 30 days).",
    "Dat dit de enige kopie is: de beheerder kan een andere database, een opname van het verkeer of een oudere back-up hebben. "
    "Vraag naar de lijst van back-ups en wanneer die vernietigd worden (hooguit 30 dagen).",
)
NOT_PERSONS: Final = Sentence(
    "That a code belongs to the right person: only the organisations know who is behind it. Test persons ('canary') show that "
    "matches arrive.",
    "Dat een code bij de juiste persoon hoort: alleen de organisaties weten wie erachter zit. Testpersonen ('canary') laten "
    "zien dat matches aankomen.",
)
