"""Pages that no party has, to see the look by: every part in every state, and a day of a case worker; sent as a party does."""

import gzip
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Thread
from typing import Any, Final

from raakvlak_protocol.party.look import HEADERS, HERE, look
from raakvlak_protocol.party.look.static import STATIC, at
from raakvlak_protocol.party.look.words import LANGUAGES, choose

ICONS: Final = re.findall(r"^  \"(\w+)\": '<", (files(HERE) / "templates/parts.html").read_text(), re.MULTILINE)


@dataclass
class Filled:
    """A form, as the macros read it."""

    fields: Mapping[str, list[str]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        return (self.fields.get(name) or [""])[0]

    def values(self, name: str) -> list[str]:
        return self.fields.get(name, [])

    def error(self, name: str) -> str:
        return self.errors.get(name, "")


@dataclass(frozen=True)
class Link:
    href: str
    label: str
    icon: str
    current: bool = False
    count: int = 0


@dataclass(frozen=True)
class User:
    name: str


@dataclass(frozen=True)
class Notice:
    kind: str
    text: str


@dataclass(frozen=True)
class Happened:
    when: str
    title: str
    text: str = ""
    tone: str = ""


HOSTILE: Final = '"><script>alert(1)</script>'
FEW: Final = [
    Link("/today", "Vandaag", "today", True, 3),
    Link("/cases", "Casussen", "cases"),
    Link("/q", "Vragen", "question"),
]
MANY: Final = [
    *FEW,
    Link("/desk", "Bureau", "desk", count=12),
    Link("/outcome", "Uitkomst", "outcome"),
    Link("/privacy", "Privacy", "privacy"),
    Link("/administration", "Administratie", "administration"),
]
_GIVEN: Final[dict[str, list[str]]] = {
    "reference": ["2026-014"],
    "password": ["not to be shown"],
    "agreement": ["\nWij bellen de ouders.\nZij de leerplicht."],
    "function": ["b"],
    "parents": ["informed"],
    "teams": ["z"],
    "protected": ["yes"],
}
_WRONG: Final = Filled(
    {"bsn": [HOSTILE], "told": ["yes"], "why": ["</textarea>" + HOSTILE]},
    {
        "bsn": "Dit is geen BSN: het zijn negen cijfers.",
        "why": "Vul dit in.",
        "kind": "Kies er een.",
        "lead": "Kies wie de regie heeft.",
        "roles": "Kies er ten minste een.",
        "sure": "Vink dit aan.",
        "list": "Kies een bestand.",
        "when": "Dit is geen dag.",
        "": "Intussen heeft een collega dit veranderd.",
    },
)
_HAPPENED: Final = [
    Happened("vandaag", "Nu: bel Fatima", tone="now"),
    Happened("ma 23 nov", "Gesignaleerd", "Zelfde gezin.", "new"),
    Happened("vr 20 nov", "Termijn verstreken", tone="late"),
    Happened("wo 18 nov", "Herinnerd", tone="due"),
    Happened("ma 2 nov", "Afspraken gemaakt", "Wij bellen de ouders.\nZij de leerplicht.", "done"),
    Happened("ma 2 nov", "Ingetrokken", tone="quiet"),
    Happened("do 29 okt", "Contact gelegd"),
]
_SHARED: Final[dict[str, Any]] = {
    "organisation": "Gemeente Schouwen-Duiveland, jeugdteam",
    "csrf": "0" * 32,
    "form": Filled(_GIVEN),
    "notice": None,
}
PAGES: Final[dict[str, dict[str, Any]]] = {
    "gallery": {
        "title": "Alle onderdelen", "user": User("Sanne van den Broek"), "nav": MANY, "wrong": _WRONG, "happened": _HAPPENED,
        "icons": ICONS, "notice": Notice("ok", "De termijn is verlengd."),
    },
    "today": {"title": "Vandaag", "user": User("Sanne van den Broek"), "nav": FEW},
    "message": {
        "title": "Deze pagina is er niet", "user": None, "nav": [], "text": "Of ze is niet voor jou.", "go": "/",
        "go_label": "Naar het begin",
    },
}  # fmt: skip


def html(name: str, language: str = "nl") -> str:
    return look("tests.party").html(f"{name}.html", choose(language), _SHARED | PAGES[name])


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, sent: list[tuple[str, int]], *given: Any) -> None:
        self._sent = sent
        super().__init__(*given)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        asset = at(path) if path.startswith(STATIC) else None
        language, _, name = path.strip("/").partition("/")
        if asset is not None:
            body, headers = asset.answer(self.headers.get("Accept-Encoding", ""))
        elif language in LANGUAGES and name in PAGES:
            body = gzip.compress(html(name, language).encode())
            headers = {**HEADERS, "Content-Type": "text/html; charset=utf-8", "Content-Encoding": "gzip"}
        else:
            self.send_error(404)
            return
        self.send_response(200)
        for each in headers.items():
            self.send_header(*each)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self._sent.append((path, len(body)))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._sent.append((self.path, 0))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: the tests look at what was sent."""


@contextmanager
def served() -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """The pages at `<address>/<language>/<name>`, and what was sent so far: path and bytes of each answer."""
    sent: list[tuple[str, int]] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, sent)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", sent
        finally:
            server.shutdown()
            thread.join()
