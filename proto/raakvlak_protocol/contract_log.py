"""What crosses the wire otherwise than in the federation's own messages: the log over HTTPS, statements, the health check.

The index shows its log over TLS under its own certificate and asks for none: whatever it shows is the same for
everybody, holds nothing secret, and is verified by whoever reads it. What is written to it bears a signature under a
key in the covenant. Declared by hand, hence held against the paths that the index really serves, in a test.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from raakvlak_protocol.contract import Field, Way

ANYONE: Final = "whoever verifies"
"""Nodes, key holders, officers, witnesses: the index asks no one who it is."""

OFFICER: Final = "compliance officer"

_Declared = Sequence[tuple[str, str, str, str]]
"""(name, type, data class, purpose) each."""

_CHECKPOINT: Final[_Declared] = (
    ("origin", "text", "public", "the log's name"),
    ("size", "number", "counter", "how many entries the log holds, of all members together"),
    ("root", "32 bytes", "proof", "commits to every entry"),
    ("log signature", "64 bytes", "proof", "the log can't deny the checkpoint later"),
    ("cosignatures", "64 bytes each", "proof", "witnesses have seen that the log only ever grew"),
    ("cosignature times", "number each", "counter", "when each witness saw it"),
)
_WITNESS: Final = ("witness", "id", "routing", "whose cosigned checkpoint it is")
_NOTHING: Final[_Declared] = ()
_DONE: Final[_Declared] = (("status", "number", "routing", "whether it was accepted; a refusal says why in one sentence"),)

_PATHS: Final[Sequence[tuple[str, str, _Declared, str, _Declared]]] = (
    # method and path, who asks, what is asked, who answers, what is answered
    (
        "GET /covenant",
        ANYONE,
        _NOTHING,
        "index",
        (("covenant file", "CovenantHistory", "public", "the same file that every party holds, verified from its pin"),),
    ),
    ("GET /checkpoint", ANYONE, _NOTHING, "index", _CHECKPOINT),
    ("GET /checkpoint/{witness}", ANYONE, (_WITNESS,), "index", _CHECKPOINT),
    (
        "GET /tile/{level}/{number}",
        ANYONE,
        (("level, number, width", "numbers", "counter", "which 256 hashes of the tree; tells which part the asker verifies"),),
        "index",
        (("hashes", "32 bytes each", "proof", "of the tree, so that everybody can verify what it holds"),),
    ),
    (
        "GET /tile/entries/{number}",
        ANYONE,
        (("number, width", "numbers", "counter", "which 256 entries; tells which part the asker verifies"),),
        "index",
        (
            (
                "published",
                "32 bytes each",
                "proof",
                "commits to an involvement under a random salt; links to nothing once the salt is destroyed with the row",
            ),
            ("removed", "number each", "counter", "position of the entry whose involvement is gone; no reason"),
            ("covenant", "number and 32 bytes", "public", "version and hash of the covenant that the index acts on"),
            ("epoch", "number and 32 bytes", "proof", "commits the index to one pepper for an epoch"),
            ("statement", "32 bytes each", "proof", "commits a key holder to what it states of a day"),
        ),
    ),
    (
        "PUT /checkpoint/{witness}",
        "witness",
        (_WITNESS, *_CHECKPOINT),
        "index",
        _DONE,
    ),
    (
        "PUT /statement",
        "key holder",
        (
            ("holder", "name", "routing", "whose statement it is"),
            ("day", "date", "counter", "the day that it is about"),
            ("hash", "32 bytes", "proof", "commits to the statement, of which the index learns no count"),
            ("signature", "64 bytes", "proof", "under the key holder's key in the covenant"),
        ),
        "index",
        _DONE,
    ),
    ("GET /healthz", "index operator", _NOTHING, "index", (("status", "text", "routing", "whether the index serves"),)),
    ("GET /metrics", "index operator", _NOTHING, "index", (("counts", "numbers", "counter", "how much the index does"),)),
)

_HEALTH: Final = "grpc.health.v1.Health.Check"
HEALTH_PATH: Final = "/grpc.health.v1.Health/Check"
"""As a node's ledger names it."""

_HANDED_OVER: Final[Sequence[tuple[str, str, str, _Declared]]] = (
    (
        "the daily statement, a file",
        "key holder",
        OFFICER,
        (
            ("holder", "name", "routing", "whose statement it is"),
            ("day", "date", "counter", "the day that it is about"),
            ("member, namespace, epoch", "ids, number", "routing", "whose evaluations are counted"),
            ("charged that day", "number", "counter", "evaluations on that day"),
            ("charged in the epoch", "number", "counter", "evaluations until then, of which the tokens are at most as many"),
            ("signature", "64 bytes", "proof", "under the key holder's key in the covenant"),
        ),
    ),
    (
        "the account of a node, a file",
        "node",
        OFFICER,
        (
            ("ledger", "lines", "blinded", "every message that left the node and was not erased, tokens among them"),
            (
                "position, epoch, month of removal, visibility",
                "numbers",
                "counter",
                "where each own row stands in the log, and for how long",
            ),
            ("salt", "32 bytes each", "proof", "opens the entry of a row; the officer destroys the file after the audit"),
            ("digest", "16 bytes each", "routing", "the row's name at the index, so that the database can be compared"),
            ("own cases", "number each", "counter", "how many cases want the row; none of them is named"),
            ("inventory", "references", "routing", "what the index says it holds in the member's name"),
            ("signature", "64 bytes", "proof", "under the member's key in the covenant"),
        ),
    ),
    (
        "an evidence file",
        "node",
        OFFICER,
        (
            ("checkpoints, receipt, entries, proofs", "bytes each", "proof", "what the index signed, by which it is convicted"),
            ("opening", "bytes", "proof", "of one row that was opened wrongly, its salt too: destroyed once it is settled"),
        ),
    ),
    (
        "the order of test persons, a file",
        OFFICER,
        "node",
        (
            (
                "test persons",
                "16 random bytes each",
                "routing",
                "invented people that only officer and node know: to be published",
            ),
        ),
    ),
    (
        "the report on test persons, a file",
        "node",
        OFFICER,
        (
            ("numbers, days, members", "numbers and ids", "routing", "which test persons were published and matched with whom"),
            ("signature", "64 bytes", "proof", "under the member's key in the covenant"),
        ),
    ),
)


def paths() -> list[str]:
    """Method and path of everything that the index serves over HTTPS."""
    return [path for path, *_ in _PATHS]


def path_ways() -> list[tuple[Way, Way]]:
    """What is asked of each path, and what is answered."""
    return [
        (_way(path, asker, answerer, asked), _way(path, answerer, asker, answered))
        for path, asker, asked, answerer, answered in _PATHS
    ]


def other_ways() -> list[Way]:
    """The health check of every server, and what is handed over as a file."""
    asked = (("service", "string", "routing", "empty: the server as a whole"),)
    answered = (("status", "enum", "routing", "whether it serves"),)
    server = "key holder or index"
    health = [_way(_HEALTH, "node", server, asked), _way(_HEALTH, server, "node", answered)]
    return health + [_way(title, sender, receiver, declared) for title, sender, receiver, declared in _HANDED_OVER]


def ways() -> list[Way]:
    """All of them."""
    return [way for pair in path_ways() for way in pair] + other_ways()


def problems(classes: frozenset[str]) -> Iterator[str]:
    """What is wrong with the declarations, one line each: an unknown data class, an empty purpose."""
    for way in ways():
        for field in way.fields:
            if field.data_class not in classes:
                yield f"{way.title}: {field.name} has no data class"
            if not field.purpose.strip():
                yield f"{way.title}: {field.name} has no purpose"


def _way(title: str, sender: str, receiver: str, declared: _Declared) -> Way:
    return Way(title, sender, receiver, False, tuple(Field(title, *each) for each in declared))
