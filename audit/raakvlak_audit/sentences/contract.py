"""The words of `contract`."""

from typing import Final

from raakvlak_audit.wording import Sentence

TITLE: Final = Sentence("What the parties can send each other", "Wat de partijen elkaar kunnen sturen")
WAY: Final = Sentence("Message", "Bericht")
FROM: Final = Sentence("From", "Van")
TO: Final = Sentence("To", "Naar")
FIELD: Final = Sentence("Field", "Veld")
TYPE: Final = Sentence("Form", "Vorm")
CLASS: Final = Sentence("Class", "Soort")
PURPOSE: Final = Sentence("Why it is there", "Waarom het er is")
MEANING: Final = Sentence("What that means", "Wat dat betekent")
FIELDS: Final = Sentence("Fields", "Velden")
ALL_FIELDS: Final = Sentence("Every field that can travel", "Elk veld dat verstuurd kan worden")
PARTIES: Final = {
    "node": Sentence("organisation", "organisatie"),
    "key holder": Sentence("key holder", "sleutelhouder"),
    "index": Sentence("index", "index"),
    "index operator": Sentence("index operator", "beheerder van de index"),
    "key holder or index": Sentence("key holder or index", "sleutelhouder of index"),
    "covenant board": Sentence("covenant board", "convenantbeheerder"),
    "every party": Sentence("every party", "elke partij"),
    "witness": Sentence("witness", "getuige"),
    "compliance officer": Sentence("compliance officer", "toezichthouder"),
    "whoever verifies": Sentence("whoever verifies", "wie controleert"),
}
CLASS_NAMES: Final = {
    "blinded": Sentence("blinded", "geblindeerd"),
    "sealed": Sentence("sealed", "verzegeld"),
    "routing": Sentence("routing", "bezorging"),
    "counter": Sentence("counter", "telling"),
    "proof": Sentence("proof", "bewijs"),
    "public": Sentence("public", "openbaar"),
}
MEANS: Final = {
    "blinded": Sentence(
        "a code made of a number, which the receiver can't turn back without several key holders together",
        "een code die van een nummer is gemaakt, en die de ontvanger niet kan terugrekenen zonder meer sleutelhouders samen",
    ),
    "sealed": Sentence("readable by the addressee only", "alleen leesbaar voor de geadresseerde"),
    "routing": Sentence("who speaks to whom about which request", "wie met wie spreekt over welk verzoek"),
    "counter": Sentence("a count or a moment", "een aantal of een tijdstip"),
    "proof": Sentence("a signature or a check on other fields", "een handtekening of controlegetal bij andere velden"),
    "public": Sentence("stands in the covenant, which every party has", "staat in het convenant, dat elke partij heeft"),
}
COMPLETE_NAME: Final = Sentence(
    "Every field says what it is and why it is there", "Elk veld zegt wat het is en waarom het er is"
)
COMPLETE_HOW: Final = Sentence(
    "The list is read from the same descriptions by which the programs write and read their messages, so that a field which "
    "is not in it can't be sent. What goes otherwise than as a message (the log, the daily statements) is declared by hand.",
    "De lijst komt uit dezelfde beschrijvingen waarmee de programma's hun berichten schrijven en lezen, zodat een veld dat er "
    "niet in staat niet verstuurd kan worden. Wat niet als bericht gaat (het logboek, de dagverklaringen) is met de hand "
    "opgeschreven.",
)
COMPLETE: Final = Sentence(
    "{fields:number} fields on {ways:number} ways; each has a class and a purpose.",
    "{fields:number} velden langs {ways:number} wegen; elk heeft een soort en een doel.",
)
PROBLEM: Final = Sentence("Not declared: {problem:text}.", "Niet verantwoord: {problem:text}.")
CLASSES_NAME: Final = Sentence("Only six classes of data travel", "Er worden alleen zes soorten gegevens verstuurd")
CLASSES_HOW: Final = Sentence(
    "The class of every field was compared with the six that were agreed.",
    "De soort van elk veld is vergeleken met de zes die zijn afgesproken.",
)
CLASSES_FOUND: Final = Sentence(
    "No field is of another class. None of the six is a number, a name, a birth date or an address in the clear.",
    "Geen veld is van een andere soort. Geen van de zes is een leesbaar nummer, naam, geboortedatum of adres.",
)
STRANGE_CLASS: Final = Sentence(
    "Field {field:text} of {way:text} is of class {name:text}, which nobody agreed to.",
    "Veld {field:text} van {way:text} is van soort {name:text}, die niet is afgesproken.",
)
WHERE_NAME: Final = Sentence("Codes and letters go only where they must", "Codes en brieven gaan alleen waar ze moeten zijn")
WHERE_HOW: Final = Sentence(
    "Blinded codes may pass between an organisation and a key holder, and from an organisation to the index; sealed letters "
    "between organisations, through the index. Every field of these classes was compared with that.",
    "Geblindeerde codes mogen tussen een organisatie en een sleutelhouder gaan, en van een organisatie naar de index; "
    "verzegelde brieven tussen organisaties, via de index. Elk veld van deze soorten is daarmee vergeleken.",
)
WHERE_FOUND: Final = Sentence(
    "They go nowhere else. The index never sends a code to anybody.",
    "Ze gaan nergens anders heen. De index stuurt nooit een code naar iemand.",
)
STRANGE_WAY: Final = Sentence(
    "Field {field:text} ({name:words}) goes from {sender:words} to {receiver:words}, which nobody agreed to.",
    "Veld {field:text} ({name:words}) gaat van {sender:words} naar {receiver:words}, wat niet is afgesproken.",
)
LOOK_UP_NAME: Final = Sentence("Nobody can be looked up", "Niemand kan worden opgezocht")
LOOK_UP_HOW: Final = Sentence(
    "Of every call to the index it is listed what can be asked and what is answered. Only publishing may take a code, and "
    "whoever publishes says: I work with this person myself. Every other text or number by which a call can point at "
    "something was reviewed one by one; a new one is reported as wrong until it has been.",
    "Van elke aanroep van de index is opgesomd wat er gevraagd kan worden en wat er geantwoord wordt. Alleen bij publiceren "
    "gaat er een code mee, en wie publiceert zegt daarmee: ik werk zelf met deze persoon. Elke andere tekst of code waarmee "
    "een aanroep iets kan aanwijzen is stuk voor stuk beoordeeld; een nieuwe geldt als niet in orde tot dat gebeurd is.",
)
LOOK_UP_FOUND: Final = Sentence(
    "There are {calls:number} calls. None takes a code, a number, a name or an address and answers whether somebody is known.",
    "Er zijn {calls:number} aanroepen. Geen ervan neemt een code, nummer, naam of adres en antwoordt of iemand bekend is.",
)
LOOK_UP_LOG: Final = Sentence(
    "The log can be asked only for a part of itself, by its place.",
    "Aan het logboek kan alleen een deel van zichzelf gevraagd worden, op plaats.",
)
CALL: Final = Sentence("Call", "Aanroep")
ASKED: Final = Sentence("Asked with", "Gevraagd met")
ANSWERED: Final = Sentence("Answered with", "Geantwoord met")
WHY: Final = Sentence("Why this is no look-up", "Waarom dit geen opzoeken is")
OWN_INVOLVEMENT: Final = Sentence(
    "it publishes an own involvement, signed under the code's own key; the answer is the same with and without a match",
    "het publiceert een eigen betrokkenheid, getekend met de sleutel van de code; het antwoord is gelijk met en zonder match",
)
OWN_ROWS: Final = Sentence(
    "it names the caller's own involvements, by references that only their owner can use",
    "het noemt eigen betrokkenheden van de aanroeper, met kenmerken die alleen de eigenaar kan gebruiken",
)
TOLD_MATCH: Final = Sentence(
    "it names a match that the caller was told of already; of any other the answer is that there is none",
    "het noemt een match die de aanroeper al is verteld; bij elke andere is het antwoord dat die er niet is",
)
TOLD_RECEIVER: Final = Sentence(
    "it names a coordinator, or from that coordinator a side, of a match that the caller was told of already",
    "het noemt een coördinator, of namens die coördinator een van beide kanten, van een match die de aanroeper al is verteld",
)
NAMES_NOTHING: Final = Sentence("it points at nothing", "het wijst niets aan")
TAKES_TOKEN: Final = Sentence(
    "{way:text} sends the index a code ({field:text}) without publishing: somebody could be looked up with it.",
    "{way:text} stuurt de index een code ({field:text}) zonder te publiceren: daarmee kan iemand worden opgezocht.",
)
TELLS_TOKEN: Final = Sentence(
    "{way:text} lets the index tell a code ({field:text}).", "Met {way:text} geeft de index een code prijs ({field:text})."
)
UNREVIEWED: Final = Sentence(
    "{way:text} can point at something with {field:text}, and nobody has reviewed what.",
    "{way:text} kan met {field:text} iets aanwijzen, en niemand heeft beoordeeld wat.",
)
MATCH_NAME: Final = Sentence(
    "A match is told to both sides or to a coordinator, never as an answer",
    "Een match wordt beide kanten of een coördinator verteld, nooit als antwoord",
)
MATCH_HOW: Final = Sentence(
    "It was checked which messages of the index can hold a match: only the queue of events of whoever is told, and its "
    "repetition for an organisation that lost its own.",
    "Nagegaan is welke berichten van de index een match kunnen bevatten: alleen de wachtrij van gebeurtenissen van wie het "
    "verteld wordt, en de herhaling daarvan voor een organisatie die de hare kwijt is.",
)
MATCH_FOUND: Final = Sentence("No other message can.", "Geen ander bericht kan dat.")
MATCH_TOLD: Final = Sentence("{way:text} can tell a match as well.", "Ook {way:text} kan een match vertellen.")
PERSONAL_NAME: Final = Sentence("No field is meant for personal details", "Geen veld is bedoeld voor persoonsgegevens")
PERSONAL_HOW: Final = Sentence(
    "The names of all fields that are neither sealed nor public were searched for words such as number, birth, address, "
    "reason, phone.",
    "De namen van alle velden die niet verzegeld of openbaar zijn, zijn doorzocht op woorden als nummer, geboorte, adres, "
    "reden, telefoon.",
)
PERSONAL_FOUND: Final = Sentence(
    "None was found. Sealed letters hold the name and telephone number of the professional to call, never of a client.",
    "Geen gevonden. Verzegelde brieven bevatten naam en telefoonnummer van de te bellen professional, nooit van een cliënt.",
)
PERSONAL_FIELD: Final = Sentence(
    "Field {field:text} of {way:text} is named after something that must not leave an organisation.",
    "Veld {field:text} van {way:text} heet naar iets dat een organisatie niet mag verlaten.",
)
RULES_NAME: Final = Sentence(
    "What the covenant allows each kind to publish", "Wat elke soort organisatie van het convenant mag publiceren"
)
RULES_HOW: Final = Sentence(
    "Read from the verified covenant in this folder.", "Gelezen uit het geverifieerde convenant in deze map."
)
RULES_FOUND: Final = Sentence(
    "Involvements go at the latest {months:number} {months:one/month/months} after they were published.",
    "Betrokkenheden verdwijnen uiterlijk {months:number} {months:one/maand/maanden} na publicatie.",
)
RULES_SHELTER: Final = Sentence(
    "Kind {kind:text} may publish addresses, which can give a location away: ask the covenant board why.",
    "Soort {kind:text} mag adressen publiceren, wat een verblijfplaats kan verraden: vraag de convenantbeheerder waarom.",
)
KIND: Final = Sentence("Kind", "Soort organisatie")
RELATIONS: Final = Sentence("May publish involvements with", "Mag betrokkenheid publiceren bij")
SEES: Final = Sentence("Sees matches directly with", "Ziet matches rechtstreeks met")
FINGERPRINT: Final = Sentence("Fingerprint of this list", "Vingerafdruk van deze lijst")
FINGERPRINT_MEANS: Final = Sentence(
    "The same for everybody with the same version. Compare it with that of the index operator and of an organisation.",
    "Gelijk voor iedereen met dezelfde versie. Vergelijk hem met die van de beheerder van de index en van een organisatie.",
)
CALLS_COUNT: Final = Sentence("Ways by which something can travel", "Wegen waarlangs iets verstuurd kan worden")
FIELDS_COUNT: Final = Sentence("Fields on these ways", "Velden op die wegen")
SOFTWARE: Final = Sentence("Version of the software", "Versie van de software")
NOT_RUNNING: Final = Sentence(
    "That the parties run this software. A party that changed its own programs could send more to somebody who cooperates; "
    "ask for the fingerprint above, and see the commands 'node' and 'index'.",
    "Dat de partijen deze software draaien. Een partij die haar eigen programma's heeft veranderd, kan meer sturen aan iemand "
    "die meewerkt; vraag naar de vingerafdruk hierboven, en zie de opdrachten 'node' en 'index'.",
)
NOT_CONTENT: Final = Sentence(
    "That what stands in a field is what the field is for. That a code was really made with the key holders can't be seen "
    "from outside; the command 'quota' gives a bound.",
    "Dat wat in een veld staat ook is waar het veld voor dient. Dat een code echt met de sleutelhouders is gemaakt, is van "
    "buitenaf niet te zien; de opdracht 'quota' geeft een grens.",
)
NOT_TRAFFIC: Final = Sentence(
    "What can be learnt from when and how much is sent: the index sees which organisations share how many codes.",
    "Wat valt af te leiden uit wanneer en hoeveel er verstuurd wordt: de index ziet welke organisaties hoeveel codes delen.",
)
NOT_INSIDE: Final = Sentence(
    "Anything about what goes on within an organisation: its case system, its pages, who there may see what.",
    "Iets over wat er binnen een organisatie gebeurt: het eigen dossiersysteem, de schermen, wie daar wat mag zien.",
)
