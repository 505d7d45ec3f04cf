"""What people write, of the lengths that they write; about nobody."""

from typing import Final

TASKS: Final = (
    "Belt de ouders en nodigt hen uit voor een gesprek met ons beiden op school.",
    "Houdt het verzuim bij en belt de ander zodra het weer oploopt; stuurt elke maand een kort overzicht aan wie leidt.",
    "Meldt het gezin aan bij het wijkteam.",
    "Spreekt met de jongere over werk, dagbesteding en schulden, en gaat zo nodig mee naar de eerste afspraak.",
    "Gaat na of er nog een wachtlijst is en wie er intussen thuis langskomt.",
    "Vraagt de ouders om toestemming om de huisarts te bellen, en doet dat pas als die er is.",
)
CLOSING: Final = (
    "Eén gesprek was genoeg.",
    "De begeleiding loopt goed, wij weten elkaar te vinden.",
    "Afgesproken dat de school ons belt als het anders wordt; nu is er niets dat wij samen moeten doen.",
)
DISAGREEMENT: Final = (
    "Wij worden het niet eens over wie de regie neemt.",
    "De een wil nu ingrijpen, de ander eerst met de ouders spreken; wij komen er samen niet uit.",
)
DECISION: Final = (
    "Beiden gesproken. Deze organisatie neemt de regie; de ander levert aan wat nodig is.",
    "Gesproken met wie er te bereiken was. Bel elkaar deze week, daarna hoor ik graag hoe het staat.",
)
EVALUATION: Final = (
    "Loopt zoals afgesproken.",
    "Twee van de drie punten zijn gedaan; het derde wacht op de ouders. Wij gaan door en kijken opnieuw.",
    "Het gaat beter op school, thuis is het onrustig gebleven. De gezinsbegeleider komt voortaan elke week.",
)
