"""The words of `canary`. A test person is told by its number in the plan, never by its code: a report is shown around."""

from typing import Final

from raakvlak_audit.wording import Sentence

TITLE_FIGURES: Final = Sentence(
    "How many test persons show that matches are left out", "Hoeveel testpersonen laten zien dat matches worden weggelaten"
)
TITLE_PLAN: Final = Sentence("A plan of test persons", "Een plan met testpersonen")
TITLE_CHECK: Final = Sentence(
    "Whether the index tells the matches that it must", "Of de index de matches meldt die hij moet melden"
)
PLAN_FILE: Final = Sentence("Plan", "Plan")
PLAN_MADE: Final = Sentence("Plan made on", "Plan gemaakt op")
VALID_UNTIL: Final = Sentence("Test persons stand until", "Testpersonen staan er tot en met")
GRACE: Final = Sentence("Days of grace", "Dagen uitstel")
REPORT_FILE: Final = Sentence("Report of a node", "Rapport van een knooppunt")

CHANCES_NAME: Final = Sentence("What test persons can show", "Wat testpersonen kunnen laten zien")
CHANCES_HOW: Final = Sentence(
    "An index that leaves out a share of all matches, and can't tell test persons from others, has for each match the same "
    "chance of leaving it out. The chance that it leaves out none of n test persons is (1 − share) to the power n; the "
    "certainty is what is lacking from 1. If it leaves out a fixed number of matches instead, the chance of being "
    "seen is a little higher: each one that passed makes the next more likely. Each test person is counted once, also where "
    "more than two organisations have it.",
    "Een index die een deel van alle matches weglaat en testpersonen niet van anderen kan onderscheiden, laat elke match met "
    "dezelfde kans weg. De kans dat hij er van n testpersonen geen weglaat is (1 − deel) tot de macht n; de zekerheid is wat "
    "er aan 1 ontbreekt. Laat hij in plaats daarvan een vast aantal matches weg, dan is de kans op ontdekking iets hoger: elke "
    "match die er wel is, maakt de volgende waarschijnlijker. Elke testpersoon telt één keer, ook als meer dan twee "
    "organisaties hem hebben.",
)
CHANCES_COUNT: Final = Sentence(
    "With {count:number} test {count:one/person/persons}: if {share:decimal} % of the matches are left out, it shows with a "
    "certainty of {percent:decimal} %.",
    "Met {count:number} {count:one/testpersoon/testpersonen}: wordt {share:decimal} % van de matches weggelaten, dan blijkt "
    "dat met {percent:decimal} % zekerheid.",
)
CHANCES_EXAMPLE: Final = Sentence(
    "To see with a certainty of {percent:decimal} % that {share:decimal} % of the matches are left out, {count:number} test "
    "persons are needed.",
    "Om met {percent:decimal} % zekerheid te zien dat {share:decimal} % van de matches wordt weggelaten, zijn {count:number} "
    "testpersonen nodig.",
)
CHANCES_TITLE: Final = Sentence(
    "With which certainty, in %, it shows, for this many test persons",
    "Met welke zekerheid, in %, het blijkt, bij zoveel testpersonen",
)
NEEDED_TITLE: Final = Sentence("How many test persons are needed", "Hoeveel testpersonen er nodig zijn")
SHARE: Final = Sentence("Left out, %", "Weggelaten, %")
WITH_COUNT: Final = Sentence("with {count:number}", "met {count:number}")
FOR_CERTAINTY: Final = Sentence("for {percent:decimal} % certainty", "voor {percent:decimal} % zekerheid")

SPREAD_NAME: Final = Sentence("Every two organisations are covered", "Elke twee organisaties komen aan bod")
SPREAD_HOW: Final = Sentence(
    "The test persons were spread as evenly as can be over every two organisations that see each other's matches directly.",
    "De testpersonen zijn zo gelijk mogelijk verdeeld over elke twee organisaties die elkaars matches rechtstreeks zien.",
)
SPREAD_FOUND: Final = Sentence(
    "{count:number} test {count:one/person covers/persons cover} {pairs:number} of {all:number} pairs of organisations.",
    "{count:number} {count:one/testpersoon dekt/testpersonen dekken} {pairs:number} van {all:number} paren van organisaties.",
)
BARE: Final = Sentence(
    "No test person is shared by {pair:text}: take more test persons.",
    "Geen testpersoon wordt gedeeld door {pair:text}: neem meer testpersonen.",
)
COST_TITLE: Final = Sentence(
    "What it costs each organisation of its quota, once", "Wat het elke organisatie eenmalig van haar quotum kost"
)
DAILY: Final = Sentence("Quota a day", "Quotum per dag")
WRITTEN_NAME: Final = Sentence("The files", "De bestanden")
WRITTEN_HOW: Final = Sentence(
    "Each file can be read by its owner only. Whoever has one can tell its test persons from real ones.",
    "Elk bestand is alleen voor de eigenaar leesbaar. Wie er een heeft, kan de testpersonen erin van echte onderscheiden.",
)
WRITTEN_PLAN: Final = Sentence(
    "The plan is {file:text}. Keep it to yourself: you need it for 'canary check'.",
    "Het plan is {file:text}. Houd het voor u: u hebt het nodig voor 'canary check'.",
)
WRITTEN_ORDER: Final = Sentence(
    "{file:text} is for the administrator of {member:text} alone, with {count:number} test {count:one/person/persons}: to be "
    "taken with 'raakvlak-node canary add'.",
    "{file:text} is alleen voor de beheerder van {member:text}, met {count:number} {count:one/testpersoon/testpersonen}: in te "
    "lezen met 'raakvlak-node canary add'.",
)
WRITTEN_ADVICE: Final = Sentence(
    "Have each organisation take its file on another day, together with an ordinary import: codes that come alone, or at all "
    "organisations at once, could be recognised.",
    "Laat elke organisatie haar bestand op een andere dag inlezen, samen met een gewone import: codes die alleen komen, of bij "
    "alle organisaties tegelijk, zijn misschien te herkennen.",
)
NOTHING_WRITTEN: Final = Sentence(
    "Nothing was written; --out FOLDER makes the plan and the files for the organisations.",
    "Er is niets geschreven; --out MAP maakt het plan en de bestanden voor de organisaties.",
)

FILES_NAME: Final = Sentence("The reports are the organisations' own", "De rapporten zijn van de organisaties zelf")
FILES_HOW: Final = Sentence(
    "Each report was read strictly, its signature compared with the organisation's key in the covenant, and its test persons "
    "with the plan. Of one organisation the newest report counts.",
    "Elk rapport is streng gelezen, de handtekening is vergeleken met de sleutel van de organisatie in het convenant, en de "
    "testpersonen met het plan. Van één organisatie telt het nieuwste rapport.",
)
FILES_FOUND: Final = Sentence(
    "{members:number} of {all:number} organisations of the plan have reported, between {first:day} and {last:day}, signed.",
    "{members:number} van {all:number} organisaties van het plan hebben gerapporteerd, tussen {first:day} en {last:day}, "
    "ondertekend.",
)
FILE_WRONG: Final = Sentence(
    "File {file:text} can't be trusted: {problem:text}. It is left out of everything below.",
    "Bestand {file:text} is niet te vertrouwen: {problem:text}. Het telt hieronder niet mee.",
)
FILE_LATE: Final = Sentence(
    "{member:text} reported on {day:day} and its test persons stood until {until:day}: it can say nothing any more. Make a new "
    "plan.",
    "{member:text} rapporteerde op {day:day} en de testpersonen stonden er tot en met {until:day}: daarna valt er niets meer "
    "te zeggen. Maak een nieuw plan.",
)
FILE_MISSING: Final = Sentence(
    "{member:text} has not reported: ask its administrator for the file of 'raakvlak-node canary report'.",
    "{member:text} heeft niet gerapporteerd: vraag de beheerder om het bestand van 'raakvlak-node canary report'.",
)
NOTHING_TO_GO_BY: Final = Sentence("There is nothing to go by.", "Er is niets om van uit te gaan.")

PUBLISHED_NAME: Final = Sentence(
    "Every organisation published its test persons", "Elke organisatie publiceerde haar testpersonen"
)
PUBLISHED_HOW: Final = Sentence(
    "Each test person of the plan must stand at the index for each of its organisations. Organisations have {days:number} "
    "{days:one/day/days} for it from the day of the plan.",
    "Elke testpersoon van het plan moet voor elk van zijn organisaties bij de index staan. Organisaties hebben daar vanaf de "
    "dag van het plan {days:number} {days:one/dag/dagen} voor.",
)
PUBLISHED_ALL: Final = Sentence("All that reported have published all.", "Allen die rapporteerden, publiceerden alles.")
PUBLISHED_NOT: Final = Sentence(
    "{member:text} has not published {count:number} of its test {count:one/person/persons}, or withdrew "
    "{count:one/it/them}: ask whether the file was taken, what the node's 'doctor' says, and whether the quota is used up.",
    "{member:text} heeft {count:number} van de testpersonen niet gepubliceerd, of ingetrokken: vraag of het bestand is "
    "ingelezen, wat 'doctor' van het knooppunt zegt, en of het quotum op is.",
)
PUBLISHED_NOT_YET: Final = Sentence(
    "{member:text} has not yet published {count:number} of its test {count:one/person/persons}; it still has time.",
    "{member:text} heeft {count:number} van de testpersonen nog niet gepubliceerd; er is nog tijd.",
)

MATCHES_NAME: Final = Sentence("The index told every match to both sides", "De index meldde elke match aan beide kanten")
MATCHES_HOW: Final = Sentence(
    "When two organisations that see each other directly have published the same test person, both must be told of the match. "
    "It counts as missing when both had published for {days:number} {days:one/day/days} before either reported.",
    "Hebben twee organisaties die elkaar rechtstreeks zien dezelfde testpersoon gepubliceerd, dan moeten beide de match te "
    "horen krijgen. Hij geldt als ontbrekend als beide {days:number} {days:one/dag/dagen} gepubliceerd hadden voordat een "
    "van de twee rapporteerde.",
)
MATCHES_HOW_AT_ONCE: Final = Sentence(
    "When two organisations that see each other directly have published the same test person, both must be told of the match, "
    "here at once.",
    "Hebben twee organisaties die elkaar rechtstreeks zien dezelfde testpersoon gepubliceerd, dan moeten beide de match te "
    "horen krijgen, hier meteen.",
)
MATCHES_ALL: Final = Sentence(
    "{count:number} {count:one/match was/matches were} expected, and told to both sides.",
    "{count:number} {count:one/match werd/matches werden} verwacht, en aan beide kanten gemeld.",
)
MATCHES_EARLY: Final = Sentence(
    "{count:number} {count:one/side has/sides have} not been told of a match yet, for which there is still time: ask for new "
    "reports later.",
    "{count:number} {count:one/kant heeft/kanten hebben} een match nog niet te horen gekregen, en daar is nog tijd voor: vraag "
    "later om nieuwe rapporten.",
)
MISSING: Final = Sentence(
    "Test person {number:number}: the match of {one:text} with {other:text} was told to neither.",
    "Testpersoon {number:number}: de match van {one:text} met {other:text} is aan geen van beide gemeld.",
)
MISSING_ONE: Final = Sentence(
    "Test person {number:number}: {member:text} was not told of the match with {other:text}, while the other side was: it is "
    "told to both or to neither.",
    "Testpersoon {number:number}: {member:text} kreeg de match met {other:text} niet te horen, en de andere kant wel: beide "
    "horen het of geen van beide.",
)
MORE: Final = Sentence(
    "{count:number} more {count:one/is/are} missing; the table counts them all.",
    "Er {count:one/ontbreekt/ontbreken} er nog {count:number}; de tabel telt ze alle.",
)
PAIRS_TITLE: Final = Sentence(
    "For each two organisations: how many test persons, and what became of them; the last column is the share of left-out "
    "matches that shows with {percent:decimal} % certainty",
    "Voor elke twee organisaties: hoeveel testpersonen, en wat er van hen werd; de laatste kolom is het deel weggelaten "
    "matches dat met {percent:decimal} % zekerheid blijkt",
)
MEMBERS: Final = Sentence("Organisations", "Organisaties")
MEMBER: Final = Sentence("Organisation", "Organisatie")
TEST_PERSONS: Final = Sentence("Test persons", "Testpersonen")
PLANNED: Final = Sentence("Planned", "Gepland")
BOTH_PUBLISHED: Final = Sentence("Both there", "Beide er")
TOLD_BOTH: Final = Sentence("Told to both", "Aan beide gemeld")
TOLD_ONE: Final = Sentence("Told to one", "Aan één gemeld")
TOLD_NONE: Final = Sentence("Told to neither", "Aan geen gemeld")
TOO_EARLY: Final = Sentence("Too early", "Te vroeg")
WOULD_SHOW: Final = Sentence("Would show, %", "Zou blijken, %")
NO_FIGURE: Final = Sentence("–", "–")

LETTERS_NAME: Final = Sentence("The proof letters came through", "De bewijsbrieven kwamen aan")
LETTERS_HOW: Final = Sentence(
    "A match is shown to nobody before the other side's signed letter proves that it has the same person. Each node says "
    "whether that letter came and held.",
    "Een match wordt aan niemand getoond voordat de ondertekende brief van de andere kant bewijst dat die dezelfde persoon "
    "heeft. Elk knooppunt zegt of die brief kwam en klopte.",
)
LETTERS_ALL: Final = Sentence(
    "{count:number} proof {count:one/letter/letters} came and held.",
    "{count:number} {count:one/bewijsbrief/bewijsbrieven} kwamen en klopten.",
)
UNPROVED: Final = Sentence(
    "Test person {number:number}: the letter of {other:text} to {member:text} did not come, or did not hold. The node of "
    "{other:text} may have stood still, or the index keeps letters back.",
    "Testpersoon {number:number}: de brief van {other:text} aan {member:text} kwam niet, of klopte niet. Het knooppunt van "
    "{other:text} stond misschien stil, of de index houdt brieven achter.",
)

SURPLUS_NAME: Final = Sentence("No match was told that can't be", "Er is geen match gemeld die niet kan")
SURPLUS_HOW: Final = Sentence(
    "A match of a test person with an organisation that the plan does not give it to, or that says that it has not published "
    "it.",
    "Een match op een testpersoon met een organisatie die hem volgens het plan niet heeft, of die zegt hem niet te hebben "
    "gepubliceerd.",
)
SURPLUS_NONE: Final = Sentence("There is none.", "Die is er niet.")
SURPLUS_PROVED: Final = Sentence(
    "Test person {number:number}: {member:text} has a proved match with {other:text}, which should not know this test person: "
    "the plan or a file has leaked.",
    "Testpersoon {number:number}: {member:text} heeft een bewezen match met {other:text}, die deze testpersoon niet hoort te "
    "kennen: het plan of een bestand is uitgelekt.",
)
SURPLUS_INVENTED: Final = Sentence(
    "Test person {number:number}: {member:text} was told of a match with {other:text} that nothing explains: the index told "
    "what is not there, or did not tell that it ended.",
    "Testpersoon {number:number}: {member:text} kreeg een match met {other:text} gemeld die niets verklaart: de index meldde "
    "wat er niet is, of meldde niet dat het voorbij is.",
)

WOULD_SHOW_FIGURE: Final = Sentence(
    "Share of left-out matches that would have shown, in %", "Deel weggelaten matches dat zou zijn gebleken, in %"
)
WOULD_SHOW_MEANS: Final = Sentence(
    "With {count:number} test {count:one/person/persons} whose matches were all told: had this share been left out, it would "
    "have shown with a certainty of {percent:decimal} %. A smaller share may have stayed unseen.",
    "Met {count:number} {count:one/testpersoon/testpersonen} van wie alle matches gemeld zijn: was dit deel weggelaten, dan "
    "was dat met {percent:decimal} % zekerheid gebleken. Een kleiner deel kan onopgemerkt zijn gebleven.",
)

NOT_RECOGNISED: Final = Sentence(
    "That the index treats others as it treats test persons, if it can recognise them: by codes that come alone at a quiet "
    "hour, or at several organisations shortly after one another. Nothing in a code itself tells a test person.",
    "Dat de index anderen behandelt als testpersonen, als hij die kan herkennen: aan codes die alleen komen op een stil uur, "
    "of kort na elkaar bij meerdere organisaties. Aan een code zelf is geen testpersoon te zien.",
)
NOT_COLLUDING: Final = Sentence(
    "Anything against an organisation that tells the index which are its test persons, or reports what it did not see: a node "
    "knows its own.",
    "Iets tegen een organisatie die de index vertelt wie haar testpersonen zijn, of die rapporteert wat zij niet zag: een "
    "knooppunt kent de zijne.",
)
NOT_KINDS: Final = Sentence(
    "Anything about other matches than those on a client whom both organisations see directly: by parents, children, siblings "
    "or addresses, and those that only a coordinator is told.",
    "Iets over andere matches dan die op een cliënt die beide organisaties rechtstreeks zien: via ouders, kinderen, broers en "
    "zussen of adressen, en die welke alleen een coördinator hoort.",
)
NOT_FEW: Final = Sentence(
    "That no single match was left out: a few among many, or those of one chosen person, stay unseen.",
    "Dat geen enkele match is weggelaten: enkele van vele, of die van één gekozen persoon, blijven onopgemerkt.",
)
NOT_BLIND: Final = Sentence(
    "The figures hold for an index that leaves out matches blindly, not for one that chooses whose.",
    "De cijfers gelden voor een index die blindelings weglaat, niet voor een die kiest van wie.",
)
