"""Word lists for the synthetic population: organisations, functions and names, all invented."""

import unicodedata
from typing import NamedTuple


class Organisation(NamedTuple):
    """A member of the synthetic federation; `kind` is one of the covenant's kinds."""

    id: str
    name: str
    kind: str


# Called in between all of them, and counted apart: it has no cases.
COORDINATOR = Organisation("veiligheidshuis", "Veiligheidshuis Kreekland", "coordinator")

# The first K take part, so the order decides what a small federation looks like: with five of them two schools,
# a municipality, youth care and the police; from six on one shelter.
ORGANISATIONS = (
    Organisation("de-zoute-wind", "Scholengemeenschap De Zoute Wind", "education"),
    Organisation("gemeente-oosterkreek", "Gemeente Oosterkreek", "municipality"),
    Organisation("jeugdteam-kreekland", "Jeugdteam Kreekland", "youth_care"),
    Organisation("politie-kreekland", "Politie, basisteam Kreekland", "police"),
    Organisation("het-baken", "Vakcollege Het Baken", "education"),
    Organisation("de-luwte", "Opvang De Luwte", "shelter"),
    Organisation("jgz-kreekland", "Jeugdgezondheidszorg Kreekland", "health"),
    Organisation("reclassering-kreekland", "Jeugdreclassering Kreekland", "justice"),
    Organisation("gemeente-westerkreek", "Gemeente Westerkreek", "municipality"),
    Organisation("de-wadloper", "Basisschool De Wadloper", "education"),
    Organisation("jeugdteam-duinrand", "Jeugdteam Duinrand", "youth_care"),
    Organisation("de-ankerplaats", "Praktijkschool De Ankerplaats", "education"),
    Organisation("ggz-duinrand", "Jeugd-ggz Duinrand", "health"),
    Organisation("gemeente-duinrand", "Gemeente Duinrand", "municipality"),
    Organisation("politie-duinrand", "Politie, basisteam Duinrand", "police"),
    Organisation("gezinshulp-het-kompas", "Gezinshulp Het Kompas", "youth_care"),
    Organisation("de-vuurtoren", "Basisschool De Vuurtoren", "education"),
    Organisation("reclassering-duinrand", "Jeugdreclassering Duinrand", "justice"),
    Organisation("gemeente-zuidsluis", "Gemeente Zuidsluis", "municipality"),
    Organisation("wijkteam-zuidsluis", "Wijkteam Zuidsluis", "youth_care"),
)

FUNCTIONS = {
    "education": ("mentor", "zorgcoördinator", "intern begeleider", "verzuimcoördinator"),
    "municipality": ("jeugdconsulent", "leerplichtambtenaar", "schuldhulpverlener", "klantmanager Werk en Inkomen"),
    "youth_care": ("gezinsbegeleider", "jeugdhulpverlener", "ambulant begeleider", "gedragswetenschapper"),
    "police": ("wijkagent", "jeugdagent", "taakaccenthouder jeugd, huiselijk geweld"),
    "health": ("jeugdarts", "jeugdverpleegkundige", "sociaalpsychiatrisch verpleegkundige"),
    "justice": ("jeugdreclasseerder", "casusregisseur"),
    "shelter": ("woonbegeleider", "trajectbegeleider"),
}

# How each kind's case system numbers its cases; a slash or a dot in a reference is everyday.
REFERENCES = {
    "education": "LL{number:06}",
    "municipality": "Z/{year}/{number:06}",
    "youth_care": "JT-{number:06}",
    "police": "M{year}-{number:06}",
    "health": "D{number:07}",
    "justice": "JR.{year}.{number:05}",
    "shelter": "OV {number:05}",
}

# What each kind calls the people who share their cases.
TEAMS = {
    "education": "Zorgteam",
    "municipality": "Team Jeugd",
    "youth_care": "Team Gezinnen",
    "police": "Team Jeugd en Gezin",
    "health": "Jeugdteam",
    "justice": "Team Jeugd",
    "shelter": "Woonteam",
}

FIRST_NAMES = (
    "Adriana", "Anouk", "Bram", "Cees", "Daan", "Dilara", "Eline", "Esra", "Femke", "Gijs", "Hanneke", "Ilse", "Imane",
    "Jannes", "Jeroen", "Joost", "Karim", "Koen", "Lotte", "Maaike", "Marijke", "Mehmet", "Naomi", "Noor", "Pieter",
    "Renée", "Ruben", "Sanne", "Sjoerd", "Thijs", "Wietske", "Yasmina", "Zoë",
)  # fmt: skip

SURNAMES = (
    "Aarnoutse", "van den Abeele", "Akyüz", "Baljeu", "de Bokx", "van de Casteel", "Daane", "Dingemanse", "el Fassi",
    "Evertsdijk", "Filius", "Goedegebuur", "van 't Hof", "Houmes", "Ibrahimović", "Jobse", "Kodde", "Koppejan",
    "de Kraker", "Lourense", "Maljers", "van der Maas", "Nijsse", "Öztop", "Poortvliet", "de Putter", "Quist",
    "Riemens", "Schoutens", "van Sluijs", "Timmerman-Wisse", "Verhage", "de Visser", "Wagenaar", "de Witte", "Zandee",
)  # fmt: skip


def email(name: str, organisation: str) -> str:
    """The address of somebody at an organisation, under a domain name that can't be anybody's (RFC 2606)."""
    plain = unicodedata.normalize("NFKD", name.replace(" ", ".", 1)).lower()
    mailbox = "".join(sign for sign in plain if sign.isascii() and (sign.isalnum() or sign == "."))
    return f"{mailbox}@{organisation}.example"
