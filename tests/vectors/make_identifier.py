"""proto/vectors/identifier.json, relation.json and term.json: what a person or address is before anything is secret."""

from datetime import datetime
from itertools import product

from raakvlak_protocol import identifier, relation, term
from raakvlak_protocol.identifier import Address, Bsn
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.relation import Relation

VALID_BSNS = ("123456782", "111222333", "012345672", "12345672", "999999990", "000000012", "00000012")
INVALID_BSNS = (
    ("empty", ""),
    ("wrong length", "1234567"),
    ("wrong length", "1234567820"),
    ("wrong length", "0123456782"),
    ("11-proof", "123456789"),
    ("11-proof: two digits swapped", "213456782"),
    ("11-proof: plus sign for the last weight", "123456784"),
    ("zero", "000000000"),
    ("zero", "00000000"),
    ("full-width digits", "１２３４５６７８２"),
    ("arabic digits", "١٢٣٤٥٦٧٨٢"),
    ("superscript digit", "12345678²"),
    ("NUL", "123456782\x00"),
    ("NUL", "\x00123456782"),
    ("minus", "-123456782"),
    ("plus", "+12345672"),
    ("space", " 123456782"),
    ("space", "123456782 "),
    ("space", "1234 56782"),
    ("no-break space", "123456782\xa0"),
    ("zero-width space", "12345678\u200b2"),
    ("byte-order mark", "\ufeff123456782"),
    ("newline", "123456782\n"),
    ("full stops", "1234.56.782"),
    ("underscore", "12345_6782"),
    ("decimal", "123456782.0"),
    ("exponent", "1.23457E+08"),
    ("letter", "12345678Z"),
)

VALID_TEST_PERSONS = (
    "x-test:00000000000000000000000000000000",
    "x-test:0123456789abcdef0123456789abcdef",
    "x-test:ffffffffffffffffffffffffffffffff",
    # Random bytes that happen to be the digits of a number with an empty rest, and the prefix itself.
    "x-test:31323334353637383200000000000000",
    "x-test:782d746573743a782d746573743a782d",
)
INVALID_TEST_PERSONS = (
    ("empty", ""),
    ("prefix alone", "x-test:"),
    ("no prefix", "0123456789abcdef0123456789abcdef"),
    ("wrong length", "x-test:0123456789abcdef0123456789abcde"),
    ("wrong length", "x-test:0123456789abcdef0123456789abcdef00"),
    ("capital digits", "x-test:0123456789ABCDEF0123456789ABCDEF"),
    ("capital prefix", "X-TEST:0123456789abcdef0123456789abcdef"),
    ("other prefix", "x_test:0123456789abcdef0123456789abcdef"),
    ("other prefix", "test:0123456789abcdef0123456789abcdef"),
    ("no hexadecimal digit", "x-test:0123456789abcdef0123456789abcdeg"),
    ("full-width digit", "x-test:０123456789abcdef0123456789abcdef"),
    ("hyphens", "x-test:01234567-89ab-cdef-0123-456789abcdef"),
    ("space", " x-test:0123456789abcdef0123456789abcdef"),
    ("space", "x-test: 0123456789abcdef0123456789abcdef"),
    ("space", "x-test:01 23456789abcdef0123456789abcdef"),
    ("newline", "x-test:0123456789abcdef0123456789abcdef\n"),
    ("NUL", "x-test:0123456789abcdef0123456789abcdef\x00"),
    ("a BSN", "123456782"),
    ("a BSN behind the prefix", "x-test:123456782"),
)

# Each line is one address: its canonical parts, then spellings of it.
VALID_ADDRESSES = (
    (("4331AB", "12", ""), ("4331AB", "12", ""), ("4331 ab", "012", " - "), ("\t4331ab ", " 12 ", "")),
    (("4331AB", "12", "A2"), ("4331AB", "12", "A-2"), ("4331AB", "12a2", ""), ("4331AB", "12-a", "2"),
     ("4331AB", "12 A", "/2"), ("4331AB", "12", "ａ ２"), ("4331AB", "12", "a²")),
    (("4331AB", "12", "2"), ("4331AB", "12", "2"), ("4331AB", "12", "#2"), ("4331AB", "12-", "2")),
    (("4331AB", "122", ""), ("4331AB", "122", "")),
    (("4331AB", "1", "2"), ("4331AB", "1", "2")),
    (("4331AB", "12", "BIS"), ("4331AB", "12", "bis"), ("4331AB", "12bis", ""), ("4331AB", "12 Bis", "")),
    (("4331AB", "12", "ZWART"), ("4331AB", "12", "zwart"), ("4331AB", "12", "Zw. Art")),
    (("9999ZZ", "99999", "ABCDEFGHIJKLMNOP"), ("9999zz", "99999", "abcdefghijklmnop")),
    (("1000AA", "1", "É"), ("1000AA", "1", "é"), ("1000AA", "1", "e\u0301")),
    (("1000AA", "1", "SS"), ("1000AA", "1", "ß"), ("1000AA", "1", "ss")),
)  # fmt: skip
INVALID_ADDRESSES = (
    ("letters SA", "postcode", ("4331SA", "12", "")),
    ("letters SD", "postcode", ("4331sd", "12", "")),
    ("letters SS", "postcode", ("4331 SS", "12", "")),
    ("first digit 0", "postcode", ("0331AB", "12", "")),
    ("postcode too short", "postcode", ("433AB", "12", "")),
    ("postcode too long", "postcode", ("4331ABC", "12", "")),
    ("postcode without letters", "postcode", ("4331", "12", "")),
    ("postcode missing", "postcode", ("", "12", "")),
    ("full-width digits", "postcode", ("４３３１AB", "12", "")),
    ("full-width letters", "postcode", ("4331ＡＢ", "12", "")),
    ("letter whose upper case is two", "postcode", ("4331ß", "12", "")),
    ("no-break space", "postcode", ("4331\xa0AB", "12", "")),
    ("NUL", "postcode", ("4331AB\x00", "12", "")),
    ("hyphen", "postcode", ("4331-AB", "12", "")),
    ("house number 0", "house_number", ("4331AB", "0", "")),
    ("house number 0", "house_number", ("4331AB", "000", "")),
    ("house number 100000", "house_number", ("4331AB", "100000", "")),
    ("house number negative", "house_number", ("4331AB", "-12", "")),
    ("house number missing", "house_number", ("4331AB", "", "")),
    ("house number missing", "house_number", ("4331AB", " ", "2")),
    ("house number without digit", "house_number", ("4331AB", "A", "")),
    ("full-width digits", "house_number", ("4331AB", "１２", "")),
    ("arabic digits", "house_number", ("4331AB", "١٢", "")),
    ("glued digit", "house_number", ("4331AB", "12-2", "")),
    ("glued digit", "house_number", ("4331AB", "12 2", "")),
    ("glued sign", "house_number", ("4331AB", "12/2", "")),
    ("decimal", "house_number", ("4331AB", "12.0", "")),
    ("NUL", "house_number", ("4331AB", "12\x00", "")),
    ("glued letter outside ASCII", "house_number", ("4331AB", "12é", "")),
    ("addition too long", "house_addition", ("4331AB", "12", "ABCDEFGHIJKLMNOPQ")),
    ("addition too long with what was glued", "house_addition", ("4331AB", "12A", "BCDEFGHIJKLMNOPQ")),
    ("addition too long once NFKC unfolds it", "house_addition", ("4331AB", "12", "\ufdfa\ufdfa")),
)

VALID_URIS = ("raakvlak://zeeland/node/school", "raakvlak://a/index/0", f"raakvlak://{'a' * 63}/keyholder/k-1")
INVALID_URIS = (
    ("unknown role", "raakvlak://zeeland/board/school"),
    ("other scheme", "https://zeeland/node/school"),
    ("scheme in capitals", "RAAKVLAK://zeeland/node/school"),
    ("capital in id", "raakvlak://zeeland/node/School"),
    ("hyphen first", "raakvlak://zeeland/node/-school"),
    ("hyphen first", "raakvlak://-zeeland/node/school"),
    ("id empty", "raakvlak://zeeland/node/"),
    ("id of 64", f"raakvlak://zeeland/node/{'a' * 64}"),
    ("trailing slash", "raakvlak://zeeland/node/school/"),
    ("newline", "raakvlak://zeeland/node/school\n"),
    ("user", "raakvlak://me@zeeland/node/school"),
    ("port", "raakvlak://zeeland:1/node/school"),
    ("query", "raakvlak://zeeland/node/school?"),
    ("percent-encoding", "raakvlak://zeeland/node/%73chool"),
)


def identifiers() -> dict[str, object]:
    return {
        "identities": {
            "valid": [
                {"uri": uri, "covenant": one.covenant, "role": one.role, "id": one.id, "dns_name": one.dns_name}
                for uri in VALID_URIS
                for one in [Identity.from_uri(uri)]
            ],
            "invalid": [{"class": name, "uri": uri} for name, uri in INVALID_URIS],
        },
        "bsn": {
            "valid": [{"text": text, "canonical": Bsn.parse(text).canonical.reveal().hex()} for text in VALID_BSNS],
            "invalid": [{"class": name, "text": text} for name, text in INVALID_BSNS],
        },
        "test_person": {
            "valid": [
                {"text": text, "canonical": identifier.TestPerson.parse(text).canonical.reveal().hex()}
                for text in VALID_TEST_PERSONS
            ],
            "invalid": [{"class": name, "text": text} for name, text in INVALID_TEST_PERSONS],
        },
        "address": {
            "valid": [
                {
                    "parts": list(parts),
                    "canonical": Address.parse(*parts).canonical.reveal().hex(),
                    "spellings": [list(spelling) for spelling in spellings],
                }
                for parts, *spellings in VALID_ADDRESSES
            ],
            "invalid": [
                {"class": name, "field": field, "columns": list(columns)} for name, field, columns in INVALID_ADDRESSES
            ],
        },
    }


def relations() -> dict[str, object]:
    pairs = [
        {"own": own, "other": other, "match": relation.match_kind(own, other)} for own, other in product(Relation, repeat=2)
    ]
    sets = (
        (["client", "sibling"], ["client", "parent"]),
        (["parent"], ["sibling", "child"]),
        (["child", "sibling"], ["sibling"]),
        (["address"], ["client", "address"]),
    )
    return {
        "pairs": pairs,
        "sets": [
            {"own": own, "others": others, "matching": relation.matching(map(Relation, own), map(Relation, others))}
            for own, others in sets
        ],
    }


def terms() -> dict[str, object]:
    moments = (
        "2000-01-01T00:00:00+00:00",
        "2025-12-31T23:59:59+00:00",
        "2026-01-01T00:30:00+01:00",
        "2026-02-28T23:30:00-01:00",
        "2024-02-29T12:00:00+00:00",
        "7461-04-30T23:59:59+00:00",
    )
    months = [{"moment": text, "month": term.month_of(datetime.fromisoformat(text))} for text in moments]
    removals = [
        {
            "published": text,
            "retention_months": kept,
            "removal_month": month,
            "removed_at": term.start_of(month).isoformat(),
        }
        for text, kept in ((moments[1], 24), (moments[2], 24), (moments[3], 1), (moments[4], 12))
        for month in [term.removal_month(datetime.fromisoformat(text), kept)]
    ]
    return {"months": months, "removals": removals}
