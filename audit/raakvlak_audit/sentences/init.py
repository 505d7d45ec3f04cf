"""The words of `init` and `covenant`."""

from typing import Final

from raakvlak_audit.wording import Sentence

TITLE: Final = Sentence("What this officer trusts from here on", "Waar deze functionaris vanaf nu op vertrouwt")
TITLE_COVENANT: Final = Sentence("A newer covenant was taken", "Een nieuwer convenant is overgenomen")
COVENANT_FILE: Final = Sentence("Covenant file", "Convenantbestand")
CHECKPOINT_FILE: Final = Sentence("Checkpoint file", "Controlepuntbestand")
LOG: Final = Sentence("Address of the log", "Adres van het logboek")
PIN: Final = Sentence("The covenant is the one that was agreed", "Het convenant is het afgesproken convenant")
PIN_HOW: Final = Sentence(
    "The fingerprint of its first version was compared with the one that you were given by another way than the file, "
    "and every later version must be signed by the board of the version before it.",
    "De vingerafdruk van de eerste versie is vergeleken met die welke u langs een andere weg dan het bestand hebt gekregen, "
    "en elke latere versie moet ondertekend zijn door het bestuur van de versie ervoor.",
)
PIN_FOUND: Final = Sentence(
    "It is covenant {covenant:text}, version {version:number}, in force until {until:day}.",
    "Het is convenant {covenant:text}, versie {version:number}, van kracht tot {until:day}.",
)
PARTIES: Final = Sentence(
    "It names {members:number} {members:one/organisation/organisations} and {holders:number} {holders:one/key holder/key "
    "holders}, of whom {threshold:number} together are needed to make a code of a person.",
    "Het noemt {members:number} {members:one/organisatie/organisaties} en {holders:number} "
    "{holders:one/sleutelhouder/sleutelhouders}, van wie er {threshold:number} samen nodig zijn om een code van een persoon "
    "te maken.",
)
CHECKPOINT: Final = Sentence("The first checkpoint of the log", "Het eerste controlepunt van het logboek")
CHECKPOINT_HOW: Final = Sentence(
    "A checkpoint sums up the whole log in one line. Its fingerprint was compared with the one that you were given by "
    "another way, and its signature with the key of the log in the covenant.",
    "Een controlepunt vat het hele logboek samen in één regel. De vingerafdruk is vergeleken met die welke u langs een andere "
    "weg hebt gekregen, en de handtekening met de sleutel van het logboek in het convenant.",
)
CHECKPOINT_FOUND: Final = Sentence(
    "The log is trusted up to {size:number} {size:one/entry/entries}. Whatever is changed in these from now on is found.",
    "Het logboek wordt vertrouwd tot en met {size:number} {size:one/regel/regels}. Wat daarin verandert, wordt gevonden.",
)
CHECKPOINT_NONE: Final = Sentence(
    "None was given. Your trust begins at the empty log: the first check takes the whole history as the operator shows it "
    "on that day.",
    "Er is er geen gegeven. Uw vertrouwen begint bij het lege logboek: de eerste controle neemt de hele geschiedenis zoals de "
    "beheerder die op die dag toont.",
)
WITNESS: Final = Sentence("This officer as a witness", "Deze functionaris als getuige")
WITNESS_HOW: Final = Sentence(
    "The key in this folder was compared with the one that the covenant gives for witness {witness:text}.",
    "De sleutel in deze map is vergeleken met die welke het convenant noemt voor getuige {witness:text}.",
)
WITNESS_NAMED: Final = Sentence(
    "The covenant names this key: other parties count what it signs.",
    "Het convenant noemt deze sleutel: andere partijen tellen mee wat ermee ondertekend wordt.",
)
WITNESS_NOT_NAMED: Final = Sentence(
    "The covenant does not name this witness yet. Give the file {file:text} to the covenant board, and take the new "
    "version of the covenant with the command 'covenant'.",
    "Het convenant noemt deze getuige nog niet. Geef het bestand {file:text} aan de convenantbeheerder, en neem de nieuwe "
    "versie van het convenant over met de opdracht 'covenant'.",
)
NEWER: Final = Sentence("The covenant follows on the one held", "Het convenant volgt op het vorige")
NEWER_HOW: Final = Sentence(
    "Every version in the file was verified from the first one on, whose fingerprint this folder holds.",
    "Elke versie in het bestand is nagegaan vanaf de eerste, waarvan deze map de vingerafdruk heeft.",
)
NEWER_FOUND: Final = Sentence(
    "Version {before:number} was held, version {after:number} is held now.",
    "Versie {before:number} stond hier, nu staat hier versie {after:number}.",
)
JOINED: Final = Sentence("New members: {members:text}.", "Nieuwe leden: {members:text}.")
LEFT: Final = Sentence("No longer members: {members:text}.", "Geen lid meer: {members:text}.")
NOT_HASH: Final = Sentence(
    "That the fingerprints were right: they are as good as the way by which you got them.",
    "Dat de vingerafdrukken juist waren: ze zijn zo goed als de weg waarlangs u ze kreeg.",
)
NOT_DESERVED: Final = Sentence(
    "That those whom the covenant names deserve it, or that what it allows is lawful.",
    "Dat wie het convenant noemt dat verdient, of dat wat het toestaat rechtmatig is.",
)
