"""Orders and reports of test persons (PROTOCOL §14), and files that must be refused."""

from datetime import UTC, date, datetime

from nacl.bindings import crypto_sign_seed_keypair

from raakvlak_protocol import identifier
from raakvlak_protocol.canary import Kept, Order, Report, Seen
from raakvlak_protocol.secret import SecretBytes
from tests.vectors.fixed import fixed

COVENANT, MEMBER = "zeeland", "school"
SEED = SecretBytes(fixed("canary signing seed", 32))
PLAN = fixed("canary plan", 16)
FIRST, SECOND, THIRD = sorted(
    (identifier.TestPerson.of(fixed(f"canary {number}", 16)) for number in range(3)), key=identifier.TestPerson.reveal
)


def canaries() -> dict[str, object]:
    order, report = sample_order(), sample_report()
    return {
        "covenant_id": COVENANT,
        "member": MEMBER,
        "signing_seed": SEED.reveal().hex(),
        "signing_key": crypto_sign_seed_keypair(SEED.reveal())[0].hex(),
        "order": order.encode().decode(),
        "report": report.sign(SEED).decode(),
        "invalid_orders": [{"class": name, "order": text} for name, text in _invalid_orders(order.encode().decode())],
        "invalid_reports": [{"class": name, "report": text} for name, text in _invalid_reports(report.sign(SEED).decode())],
    }


def sample_order() -> Order:
    return Order(COVENANT, PLAN, MEMBER, date(2026, 6, 30), frozenset((FIRST, SECOND, THIRD)))


def sample_report() -> Report:
    seen = (Seen("police", date(2026, 3, 4), False), Seen("town", date(2026, 3, 3), True))
    kept = (Kept(FIRST, date(2026, 3, 2), seen), Kept(SECOND, date(2026, 3, 2)), Kept(THIRD, None))
    return Report(COVENANT, MEMBER, PLAN, datetime(2026, 3, 9, 9, 30, tzinfo=UTC), kept)


def _invalid_orders(text: str) -> list[tuple[str, str]]:
    first, second = (f'  "{each.reveal()}",\n' for each in (FIRST, SECOND))
    return [
        ("empty", ""),
        ("no JSON", text[1:]),
        ("truncated", text[:-3]),
        ("other format", text.replace("canaries/1", "canaries/2")),
        ("unknown name", text.replace(' "member"', ' "note": "",\n "member"')),
        ("name twice", text.replace(' "member"', ' "member": "town",\n "member"')),
        ("other relation", text.replace('"client"', '"parent"')),
        ("names in another order", text.replace(' "relation": "client",\n', "").replace("{\n", '{\n "relation": "client",\n')),
        ("test persons in another order", text.replace(first + second, second + first)),
        ("test person twice", text.replace(first, first + first)),
        ("a number as test person", text.replace(FIRST.reveal(), "123456782")),
        ("capital digits", text.replace(PLAN.hex(), PLAN.hex().upper())),
        ("no such day", text.replace("2026-06-30", "2026-06-31")),
        ("day written otherwise", text.replace("2026-06-30", "20260630")),
        ("another indentation", text.replace("\n ", "\n  ")),
        ("CR LF", text.replace("\n", "\r\n")),
        ("no last line end", text[:-1]),
        ("byte-order mark", "\ufeff" + text),
        ("capital in id", text.replace('"school"', '"School"')),
        ("no test persons", text[: text.index('"canaries"')] + '"canaries": []\n}\n'),
    ]


def _invalid_reports(text: str) -> list[tuple[str, str]]:
    body, line = text.split("\n\n")
    lines = body.split("\n")
    swapped = [*lines[:5], lines[6], lines[5], lines[7]]
    return [
        ("empty", ""),
        ("no signature", body + "\n\n"),
        ("another member's name", text.replace("school", "town")),
        ("another covenant", text.replace("zeeland", "limburg")),
        ("another plan", text.replace(PLAN.hex(), "00" * 16)),
        ("another moment", text.replace("T09:30:00Z", "T09:30:01Z")),
        ("moment written otherwise", text.replace("T09:30:00Z", "T09:30:00+00:00")),
        ("unproved told as proved", text.replace("unproved", "proved")),
        ("match left out", text.replace(" town:2026-03-03:proved", "")),
        ("day changed", text.replace("2026-03-04", "2026-03-05")),
        ("test person left out", "\n".join(lines[:-1]) + "\n\n" + line),
        ("test persons in another order", "\n".join(swapped) + "\n\n" + line),
        ("test person twice", "\n".join([*lines, lines[-1]]) + "\n\n" + line),
        ("matches in another order", text.replace(
            "police:2026-03-04:unproved town:2026-03-03:proved", "town:2026-03-03:proved police:2026-03-04:unproved"
        )),
        ("unknown word", text.replace("unproved", "likely")),
        ("two spaces", text.replace(" police", "  police")),
        ("CR LF", text.replace("\n", "\r\n")),
        ("second signature line", text + line),
        ("leading zero year", text.replace("2026-03-04", "02026-03-04")),
    ]  # fmt: skip
