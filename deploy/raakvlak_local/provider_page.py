"""What the sandbox's OpenID provider shows: whom one can be. HTML stops here; every page says that nobody in it exists."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from raakvlak_local.staff import ROLES, Person

_ROLES: Final[Mapping[str, Mapping[str, str]]] = {
    "nl": {
        "case-worker": "medewerker: werkt met de gezinnen",
        "team-lead": "teamleider: ziet de casussen van het hele team",
        "coordinator": "coördinator: wordt erbij gehaald als het vastloopt",
        "privacy-officer": "privacy officer: wie keek, en wat dit gebouw verliet",
        "administrator": "beheerder: gebruikers, aansluiting en inlezen",
    },
    "en": {
        "case-worker": "case worker: works with the families",
        "team-lead": "team lead: sees the team's cases",
        "coordinator": "coordinator: is called in where it gets stuck",
        "privacy-officer": "privacy officer: who looked, and what left this building",
        "administrator": "administrator: users, connection and import",
    },
}
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "nl": {
        "sandbox": "Zandbak. Niemand op deze pagina bestaat, en er is geen wachtwoord: klik op wie je wilt zijn. "
        "Deze pagina vervangt het account dat een echte organisatie zelf heeft.",
        "choose": "Wie ben je bij %s?",
        "all": "Iedereen in deze zandbak",
        "open": "Open de pagina's",
        "none": "Hier staat niemand.",
        "unknown": "Dit programma is hier niet bekend",
        "begin": "Begin opnieuw op de pagina's van je organisatie.",
    },
    "en": {
        "sandbox": "Sandbox. Nobody on this page exists, and there is no password: click whom you want to be. "
        "This page stands in for the account that a real organisation has.",
        "choose": "Who are you at %s?",
        "all": "Everybody in this sandbox",
        "open": "Open the pages",
        "none": "Nobody is here.",
        "unknown": "This program is not known here",
        "begin": "Begin again on your organisation's pages.",
    },
}

STYLE: Final = """\
:root { color-scheme: light dark; --ink: #24302c; --paper: #fbf9f5; --card: #fff; --edge: #8a938f; --warn: #fff1cf;
  --warn-ink: #4d3800; --accent: #0b5c4b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ece8e1; --paper: #181d1b; --card: #222927; --edge: #7f8a85; --warn: #3d3110;
    --warn-ink: #ffe6a6; --accent: #8fd6c2; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.5 system-ui, sans-serif; }
main { max-width: 40rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
.sandbox { margin: 0 0 2rem; padding: .75rem 1rem; background: var(--warn); color: var(--warn-ink); border-radius: .5rem;
  border-left: .375rem solid currentColor; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 1.25rem; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .25rem; }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem; }
button { display: block; width: 100%; min-height: 3.25rem; padding: .75rem 1rem; text-align: start; font: inherit;
  color: inherit; background: var(--card); border: 1px solid var(--edge); border-radius: .5rem; cursor: pointer; }
button:hover { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
strong, small { display: block; }
small { font-size: .95rem; }
a { color: var(--accent); display: inline-block; padding: .5rem 0; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
dl { margin: .5rem 0; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; }
"""


def language_in(accepted: str) -> str:
    """English where the browser puts it first, else Dutch."""
    return "en" if accepted.strip().lower().startswith("en") else "nl"


def _page(title: str, language: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} – Raakvlak sandbox</title><link rel="stylesheet" href="/style.css"></head>
<body><main><p class="sandbox">{_WORDS[language]["sandbox"]}</p>
<h1>{escape(title)}</h1>
{body}</main></body></html>
"""


def _sorted(people: Iterable[Person]) -> list[Person]:
    return sorted(people, key=lambda each: ROLES.index(each.role))


def choice(organisation: str, people: Iterable[Person], asked: Mapping[str, str], accepted: str) -> str:
    """The people of one organisation, each a button; `asked` is what the node asked and goes along."""
    language = language_in(accepted)
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">\n'
        for name, value in asked.items()
        if name != "person"
    )
    buttons = "".join(
        f'<li><button name="person" value="{escape(each.email)}"><strong>{escape(each.name)}</strong>'
        f"<small>{escape(_ROLES[language][each.role])}</small></button></li>\n"
        for each in _sorted(people)
    )
    listed = f"<ul>\n{buttons}</ul>" if buttons else f"<p>{_WORDS[language]['none']}</p>"
    form = f'<form method="post" action="/authorize">\n{hidden}{listed}</form>\n'
    return _page(_WORDS[language]["choose"] % organisation, language, form)


def overview(organisations: Iterable[tuple[str, str, Iterable[Person]]], accepted: str) -> str:
    """(name, address to sign in at, people) of every organisation."""
    language = language_in(accepted)
    parts = []
    for name, address, people in organisations:
        rows = "".join(
            f"<dt>{escape(each.name)}</dt><dd>{escape(_ROLES[language][each.role])}</dd>\n" for each in _sorted(people)
        )
        link = f'<a href="{escape(address)}">{_WORDS[language]["open"]}</a>'
        parts.append(f"<section><h2>{escape(name)}</h2>\n<dl>\n{rows}</dl>\n{link}</section>\n")
    return _page(_WORDS[language]["all"], language, "".join(parts))


def unknown(accepted: str) -> str:
    language = language_in(accepted)
    return _page(_WORDS[language]["unknown"], language, f"<p>{_WORDS[language]['begin']}</p>\n")
