"""The verdicts of `node`: a member's account held against itself, the log, the index and the key holders. No I/O."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final

from google.protobuf.descriptor import MethodDescriptor

from raakvlak_audit.account import IndexSide, Tally, Told, compare, last_attempt
from raakvlak_audit.own_rows import Placed
from raakvlak_audit.quota import Stated
from raakvlak_audit.report import Check, Table, Verdict
from raakvlak_audit.sentences import node as words
from raakvlak_audit.wording import Cell, Said, Sentence
from raakvlak_protocol import contract, contract_log, tile
from raakvlak_protocol.account import Row
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Malformed, RaakvlakError, Refused, Unavailable
from raakvlak_protocol.identity import Role
from raakvlak_protocol.letter import SIZES
from raakvlak_protocol.term import month_of, start_of

SHOWN: Final = 20
"""Wrong ones that are named; the others are counted."""
_OWN_LINES: Final = ("Publish", "Withdraw", "PostLetter", "Evaluate")
"""Methods whose requests have lines of their own kinds."""


def whole(told: Told, covenant: Covenant) -> Check:
    """The account is verified: what it says of itself."""
    account = told.whole
    lines = told.head.lines if told.head else 0
    found, verdict = [words.WHOLE_FOUND(lines=lines, erased=len(told.erased))], Verdict.OK
    if account.covenant_hash != covenant.hash:
        found, verdict = [*found, words.WHOLE_OTHER()], Verdict.NOTE
    if account.alarms:
        found, verdict = [*found, words.ALARMS(count=account.alarms)], Verdict.UNKNOWN
    return Check("whole", words.WHOLE_NAME(), words.WHOLE_HOW(), verdict, tuple(found))


def not_whole(error: RaakvlakError) -> Check:
    found = (words.WHOLE_WRONG(message=error.message),)
    return Check("whole", words.WHOLE_NAME(), words.WHOLE_HOW(), Verdict.WRONG, found)


def earlier(told: Told, error: RaakvlakError | None) -> Check:
    """`error` where the earlier file is none that was ever signed."""
    verdict, found = Verdict.NOTE, words.EARLIER_NONE()
    if error is not None:
        verdict, found = Verdict.WRONG, words.EARLIER_FALSE(message=error.message)
    elif told.earlier is not None and told.goes_on:
        verdict, found = Verdict.OK, words.EARLIER_FOUND(lines=told.earlier.lines)
    elif told.earlier is not None:
        verdict, found = Verdict.WRONG, words.EARLIER_WRONG(lines=told.earlier.lines)
    return Check("earlier", words.EARLIER_NAME(), words.EARLIER_HOW(), verdict, (found,))


def sent(told: Told, covenant: Covenant) -> Check:
    """Rows and the ledger's publications."""
    # A line as old as this may be of a row whose term has ended.
    month = month_of(datetime.fromtimestamp(told.whole.made, UTC)) - covenant.retention_months
    over = int(start_of(max(0, month + 1)).timestamp())
    wrong = _named(words.SENT_NOT, ({"row": row.number} for row in told.not_sent()))
    wrong += _named(words.SENT_END, ({"line": each.line} for each in told.wrong_ends()))
    unknown = _named(words.SENT_UNEXPLAINED, ({"line": each.line} for each in told.unexplained(over)))
    found = wrong + unknown or [words.SENT_FOUND(rows=len(told.rows), tokens=len(told.sent), ended=len(told.withdrawn))]
    return Check("sent", words.SENT_NAME(), words.SENT_HOW(), _verdict(wrong, unknown), tuple(found))


def log(rows: Sequence[Row], placed: Placed | RaakvlakError | None, *, follows: bool) -> Check:
    """`placed` is the error at which reading the log stopped, None where the officer has not read it; `follows` whether the
    member has seen the log."""
    denied = _named(words.LOG_DENIED, ({"row": row.number} for row in rows if row.opening is None))
    wrong, unknown, found = denied, list[Said](), list[Said]()
    if placed is None:
        unknown = [words.LOG_UNTRUSTED()]
    elif isinstance(placed, Unavailable | Refused):
        unknown = [words.LOG_UNREAD(message=placed.message)]
    elif isinstance(placed, RaakvlakError):
        wrong = [*wrong, words.LOG_LIES(message=placed.message)]
    else:
        for kind, named in (("not_opened", placed.not_opened), ("doubled", placed.doubled), ("removed", placed.removed)):
            wrong += _named(words.LOG_WRONG[kind], map(_place, named))
        unknown = [words.LOG_BEYOND(count=placed.beyond)] if placed.beyond else []
        found = [words.LOG_FOUND(standing=placed.standing)]
        if placed.removed_since and follows:
            found.append(words.LOG_SINCE(count=placed.removed_since))
        elif placed.removed_since:
            unknown.append(words.LOG_UNSEEN(count=placed.removed_since))
    return Check("log", words.LOG_NAME(), words.LOG_HOW(), _verdict(wrong, unknown), (*wrong, *unknown, *found))


def _place(row: Row) -> Mapping[str, int]:
    return {"row": row.number, "position": 0 if row.opening is None else row.opening.position}


def held(told: Told, side: IndexSide | None) -> Check:
    """The inventory, and the operator's rows of the member where they were given."""
    inventory = {(each.epoch, each.reference): (each.removal_month, each.visibility) for each in told.held}
    rows = {(row.epoch, row.reference): row.opening for row in told.rows}
    stray, absent = len(inventory.keys() - rows.keys()), len(rows.keys() - inventory.keys())
    other = sum(
        opening is not None and key in inventory and inventory[key] != (opening.removal_month, opening.visibility)
        for key, opening in rows.items()
    )
    wrong = [words.HELD_STRAY(count=stray)] if stray else []
    wrong += [words.HELD_ABSENT(count=absent)] if absent else []
    wrong += [words.HELD_OTHER(count=other)] if other else []
    found, unknown = [] if wrong else [words.HELD_FOUND(rows=len(rows))], list[Said]()
    if side is None:
        found.append(words.HELD_NO_DATABASE())
    else:
        differs, more = _database(told, side)
        if differs and _newer(told, side):
            unknown = [words.HELD_NEWER()]
        wrong += [] if unknown else differs
        found += more
    verdict = _verdict(wrong, unknown)
    if verdict is Verdict.OK and side is None:
        verdict = Verdict.NOTE
    return Check("held", words.HELD_NAME(), words.HELD_HOW(), verdict, (*wrong, *unknown, *found))


def _database(told: Told, side: IndexSide) -> tuple[list[Said], list[Said]]:
    """(what differs, what else there is to say)."""
    compared = compare(told, side)
    differs = _named(words.HELD_DATABASE_ABSENT, ({"row": row.number} for row in compared.absent))
    differs += [words.HELD_DATABASE_STRAY(count=compared.stray)] if compared.stray else []
    more = [] if differs else [words.HELD_DATABASE(rows=len(side.rows))]
    return differs, [*more, *([words.HELD_SINCE(count=compared.since)] if compared.since else [])]


def _newer(told: Told, side: IndexSide) -> bool:
    """Whether the copy has writes of a later day than the account."""
    return side.sequence > told.last_sequence and side.day > datetime.fromtimestamp(told.whole.made, UTC).date()


def cases(told: Told) -> Check:
    without = sum(not row.cases for row in told.rows)
    found = words.CASES_NONE(count=without) if without else words.CASES_FOUND(rows=len(told.rows))
    verdict = Verdict.WRONG if without else Verdict.OK
    return Check("cases", words.CASES_NAME(), words.CASES_HOW(), verdict, (found,))


def writes(told: Told, side: IndexSide | None) -> Check:
    """The sequences of the ledger, and where the index ends."""
    wrong, unknown, found = list[Said](), list[Said](), list[Said]()
    for each in told.breaks():
        if each.missing:
            wrong.append(words.WRITES_GAP(line=each.line, count=each.missing, sequence=each.sequence))
        else:
            unknown.append(words.WRITES_BACK(line=each.line, sequence=each.sequence))
    if not wrong and not unknown:
        found.append(words.WRITES_FOUND(last=told.last_sequence))
    if side is not None and side.sequence > told.last_sequence:
        more = words.WRITES_MORE(sequence=side.sequence, last=told.last_sequence)
        (unknown if _newer(told, side) else wrong).append(more)
    elif side is not None and side.sequence:
        account, attempt = told.whole, last_attempt(told, side.sequence)
        if attempt and side.request_hash and attempt.request_hash(account.covenant_id, account.member) != side.request_hash:
            wrong.append(words.WRITES_OTHER(sequence=side.sequence))
        else:
            found.append(words.WRITES_SAME(sequence=side.sequence))
    verdict = _verdict(wrong, unknown)
    return Check("writes", words.WRITES_NAME(), words.WRITES_HOW(), verdict, (*wrong, *unknown, *found))


def asked(told: Told, statements: Sequence[Stated] | None) -> Check:
    """The ledger's evaluations and what key holders charged on whole days before the account was made."""
    name, how = words.ASKED_NAME(), words.ASKED_HOW()
    if statements is None:
        return Check("asked", name, how, Verdict.NOTE, (words.ASKED_SKIPPED(),))
    made = datetime.fromtimestamp(told.whole.made, UTC).date()
    usable = sorted((each for each in statements if each.day < made), key=lambda each: (each.day, each.holder))
    if not usable:
        return Check("asked", name, how, Verdict.UNKNOWN, (words.ASKED_NONE(),))
    since = datetime.fromtimestamp(told.first_time, UTC).date()
    wrong, rows, charged = list[Said](), list[tuple[Cell, ...]](), 0
    for stated in usable:
        for account, count in stated.counts.items():
            if account.member != told.whole.member:
                continue
            key = (stated.holder, account.namespace, account.epoch)
            charged += count.that_day
            rows.append((stated.holder, stated.day, account.namespace, count.that_day, told.asked_on(key, stated.day)))
            if told.from_the_first_line or stated.day > since:
                wrong += _more(told, stated, key, count.that_day, count.in_epoch)
    found = wrong or [words.ASKED_FOUND(charged=charged, statements=len(usable))]
    found = found if told.from_the_first_line else [*found, words.ASKED_BEGIN()]
    headings = (words.HOLDER(), words.DAY(), words.NAMESPACE(), words.CHARGED(), words.LEFT())
    return Check("asked", name, how, _verdict(wrong, ()), tuple(found), (Table(headings, tuple(rows)),) if rows else ())


def _more(told: Told, stated: Stated, key: tuple[str, str, int], that_day: int, in_epoch: int) -> list[Said]:
    holder, namespace, _ = key
    most, in_all = told.most_charged(key, stated.day), told.most_charged_until(key, stated.day)
    named: dict[str, Cell] = {"holder": holder, "namespace": namespace, "day": stated.day}
    if that_day > most:
        return [words.ASKED_MORE(**named, charged=that_day, told=most)]
    if told.from_the_first_line and in_epoch > in_all:
        return [words.ASKED_TOTAL(**named, charged=in_epoch, told=in_all)]
    return []


# --- what left --------------------------------------------------------------------------------------------------------


def kinds(told: Told, covenant: Covenant, witnesses: Collection[str]) -> Check:
    """Every line is of something that the parties agreed on. `witnesses` are all that any version of the covenant named."""
    wrong = list[Said]()
    rows = _own_kinds(told)
    for (role, id, path), tally in sorted(told.calls.items()):
        classes = _classes(path, witnesses)
        if classes is None or not _known(role, id, path, covenant):
            wrong.append(words.KINDS_STRANGE(role=role, id=id, path=path))
        rows.append((words.CALL(path=path), f"{role} {id}", tally.requests, tally.items, classes or "?"))
    for path, numbers in sorted(told.fields.items()):
        wrong += [words.KINDS_FIELD(path=path, number=number) for number in sorted(numbers - _fields(path))]
    wrong += [words.KINDS_LETTER(count=count, size=size) for size, count in sorted(told.letters.items()) if size not in SIZES]
    found = tuple(wrong) or (words.KINDS_FOUND(kinds=len(rows)),)
    if told.erased:
        rows.append((words.ERASED(), "", len(told.erased), 0, ""))
    headings = (words.WHAT(), words.TO(), words.REQUESTS(), words.ITEMS(), words.CLASSES())
    table = Table(headings, tuple(rows), brief=30)
    return Check("kinds", words.KINDS_NAME(), words.KINDS_HOW(), _verdict(wrong, ()), found, (table,))


def _own_kinds(told: Told) -> list[tuple[Cell, ...]]:
    published = [each for each in told.attempts if not each.withdraws]
    withdrawn = [each for each in told.attempts if each.withdraws]
    letters = Tally(told.letters.total(), sum(size * count for size, count in told.letters.items()))
    each = (
        (words.PUBLICATIONS(), "index", Tally(len(published), sum(len(one.items) for one in published)), "Publish"),
        (words.WITHDRAWALS(), "index", Tally(len(withdrawn), sum(len(one.items) for one in withdrawn)), "Withdraw"),
        (words.EVALUATIONS(), "key holders", told.evaluations, "Evaluate"),
        (words.LETTERS(), "index", letters, "PostLetter"),
    )
    return [
        (what, to, tally.requests, tally.items, _class_names(_METHODS[method]))
        for what, to, tally, method in each
        if tally.requests
    ]


_METHODS: Final = {each.name: each for each in contract.methods()}
_PATHS: Final = {f"/{each.containing_service.full_name}/{each.name}": each for each in contract.methods()}
_READ: Final = {
    path: way
    for path, (way, _) in zip(contract_log.paths(), contract_log.path_ways(), strict=True)
    if way.sender == contract_log.ANYONE
}
"""What anyone may read over HTTPS."""
_WITNESSED: Final = "GET /checkpoint/"
_TILE: Final = "GET /tile/"


def _class_names(method: MethodDescriptor) -> str:
    found = {each.data_class for each in contract.method_ways(method)[0].fields}
    return ", ".join(sorted(found))


def _classes(path: str, witnesses: Collection[str]) -> str | None:
    """The data classes of all fields of a request; None for one that was not agreed, or that has lines of its own kind."""
    method = _PATHS.get(path)
    if method is not None:
        return None if method.name in _OWN_LINES else _class_names(method)
    if path == contract_log.HEALTH_PATH:
        return "routing"
    way = None if "{" in path else _READ.get(_template(path, witnesses))
    return None if way is None else ", ".join(sorted({each.data_class for each in way.fields}))


def _template(path: str, witnesses: Collection[str]) -> str:
    """The path as the contract spells it, where what stands in it is one of the covenant's witnesses or the strict name of a
    tile, so that nothing else can be sent in it; otherwise the path itself."""
    if path.startswith(_WITNESSED) and path.removeprefix(_WITNESSED) in witnesses:
        return "GET /checkpoint/{witness}"
    if path.startswith(_TILE):
        try:
            asked = tile.parse_path(path.removeprefix("GET /"))
        except Malformed:
            return path
        return "GET /tile/entries/{number}" if asked.level is None else "GET /tile/{level}/{number}"
    return path


def _known(role: str, id: str, path: str, covenant: Covenant) -> bool:
    """Whether the covenant has this party, and it is who answers such a request."""
    if role == Role.KEYHOLDER:
        return id in covenant.key_holders and (".KeyHolder/" in path or path == contract_log.HEALTH_PATH)
    return role == Role.INDEX and id == covenant.index.id and ".KeyHolder/" not in path


def _fields(path: str) -> set[int]:
    method = _PATHS.get(path)
    return {each.number for each in method.input_type.fields} if method is not None else set()


# --- saying it --------------------------------------------------------------------------------------------------------


def _named(sentence: Sentence, each: Iterable[Mapping[str, Cell]]) -> list[Said]:
    """The first of them, and how many there are."""
    all_of_them = list(each)
    said = [sentence(**values) for values in all_of_them[:SHOWN]]
    return said if len(said) == len(all_of_them) else [*said, words.MORE(count=len(all_of_them))]


def _verdict(wrong: Sequence[Said], unknown: Sequence[Said]) -> Verdict:
    return Verdict.WRONG if wrong else Verdict.UNKNOWN if unknown else Verdict.OK


def day_of(days: int) -> date:
    """The day of a number of days since 1970, as the index counts them."""
    return datetime.fromtimestamp(days * 86_400, UTC).date()
