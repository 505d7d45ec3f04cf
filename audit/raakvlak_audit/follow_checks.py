"""The verdicts of `follow`: what a look at the log found, as checks of a report. No I/O."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from raakvlak_audit.positions import Broken, Positions
from raakvlak_audit.report import Check, Figure, Table, Verdict
from raakvlak_audit.sentences import follow as words
from raakvlak_audit.wording import Cell, Said, Sentence
from raakvlak_protocol import covenant as covenants
from raakvlak_protocol import follow
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.encoding import parse
from raakvlak_protocol.entry import Kind
from raakvlak_protocol.errors import Evidence, Malformed, RaakvlakError
from raakvlak_protocol.follow import Behind, Followed, Rewritten, Signed
from raakvlak_protocol.v1 import covenant_pb2 as pb

ALARM: Final = timedelta(hours=48)
"""So long the log may grow without enough witnesses."""
CLOCKS: Final = timedelta(minutes=10)
"""So far two honest clocks may be apart."""
_HOURS: Final = ALARM // timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Other:
    """A checkpoint that another party holds: the file's name, and the note."""

    name: str
    raw: bytes


_NAMES: Final[dict[str, tuple[Sentence, Sentence]]] = {
    "history": (words.HISTORY_NAME, words.HISTORY_HOW),
    "others": (words.OTHERS_NAME, words.OTHERS_HOW),
    "entries": (words.ENTRIES_NAME, words.ENTRIES_HOW),
    "removals": (words.REMOVALS_NAME, words.REMOVALS_HOW),
    "commitments": (words.COMMITMENTS_NAME, words.COMMITMENTS_HOW),
}


def _check(id: str, verdict: Verdict, *found: Said, tables: tuple[Table, ...] = ()) -> Check:
    name, how = _NAMES[id]
    return Check(id, name(), how(), verdict, found, tables)


def skipped(id: str, covenant: Covenant) -> Check:
    """A check for which an earlier one left nothing to look at."""
    if id == "witnesses":
        return _witnesses(covenant, Verdict.UNKNOWN, words.NOT_CHECKED())
    return _check(id, Verdict.UNKNOWN, words.NOT_CHECKED())


# --- the log and its history ------------------------------------------------------------------------------------------


def _reached(log: str, verdict: Verdict, found: Said) -> Check:
    return Check("reached", words.REACHED_NAME(), words.REACHED_HOW(log=log), verdict, (found,))


def reached(log: str, size: int) -> Check:
    return _reached(log, Verdict.OK, words.REACHED_FOUND(size=size))


def answered(log: str) -> Check:
    """It answered; what, the next check tells."""
    return _reached(log, Verdict.OK, words.REACHED_ANSWER())


def unreached(log: str, error: RaakvlakError) -> Check:
    return _reached(log, Verdict.UNKNOWN, words.REACHED_NOT(message=error.message))


def empty(log: str) -> Check:
    return _reached(log, Verdict.UNKNOWN, words.REACHED_EMPTY())


def history(before: Signed | None, read: int, followed: Followed) -> Check:
    """The history holds; from where on is told. `read` entries were read before."""
    if before is None and read:
        return _check("history", Verdict.NOTE, words.HISTORY_READ(before=read))
    if before is None:
        return _check("history", Verdict.NOTE, words.HISTORY_FIRST())
    return _check("history", Verdict.OK, words.HISTORY_FOUND(before=before.size, new=followed.newest.size - before.size))


def behind(error: Behind) -> Check:
    return _check("history", Verdict.UNKNOWN, words.HISTORY_BEHIND(message=error.message))


def rewritten(covenant: Covenant, error: Rewritten, kept: str) -> Check:
    old, new = (follow.read(covenant, each).size for each in (error.old, error.new))
    return _check("history", Verdict.WRONG, words.HISTORY_REWRITTEN(old=old, new=new, kept=kept))


def not_signed(error: RaakvlakError, tile: str) -> Check:
    found = [words.HISTORY_WRONG(message=error.message)]
    found += [words.HISTORY_TILE(tile=tile)] if tile else []
    return _check("history", Verdict.WRONG, *found)


def others(given: Sequence[Other], covenant: Covenant, followed: Followed, keep: Callable[[Rewritten], str]) -> Check:
    """Each note must be a beginning of the log. `keep` puts the two notes of a fork away, and tells where.

    Raises what reading tiles raises.
    """
    if not given:
        return _check("others", Verdict.NOTE, words.OTHERS_NONE())
    judged = [_other(each, covenant, followed, keep) for each in given]
    verdicts = [verdict for verdict, _ in judged]
    worst = next((each for each in (Verdict.WRONG, Verdict.UNKNOWN) if each in verdicts), Verdict.OK)
    return _check("others", worst, *(said for _, said in judged))


def _other(given: Other, covenant: Covenant, followed: Followed, keep: Callable[[Rewritten], str]) -> tuple[Verdict, Said]:
    try:
        signed = follow.read(covenant, given.raw)
    except (Malformed, Evidence) as error:
        return Verdict.WRONG, words.OTHERS_BAD(file=given.name, message=error.message)
    shown = followed.newest.size
    if signed.size > shown:
        return Verdict.UNKNOWN, words.OTHERS_AHEAD(file=given.name, size=signed.size, shown=shown)
    try:
        follow.demand_beginning(signed, followed.newest, followed.log, covenant)
    except Rewritten as error:
        return Verdict.WRONG, words.OTHERS_FORK(file=given.name, size=signed.size, kept=keep(error))
    return Verdict.OK, words.OTHERS_FOUND(file=given.name, size=signed.size)


# --- the entries ------------------------------------------------------------------------------------------------------


def entries(problem: RaakvlakError | None, positions: Positions, known: int, *, forgotten: bool) -> Check:
    """`known` entries were read before. A problem of another rule is told at that rule."""
    if isinstance(problem, Broken) and problem.rule == "entries":
        return _check("entries", Verdict.WRONG, problem.said)
    if isinstance(problem, Broken):
        return _check("entries", Verdict.UNKNOWN, words.CHECKED_UNTIL(read=positions.read))
    if problem is not None:
        return _check("entries", Verdict.UNKNOWN, words.ENTRIES_STOPPED(read=positions.read, message=problem.message))
    found = [words.ENTRIES_FOUND(read=positions.read - known, known=known)]
    found += [words.ENTRIES_REREAD()] if forgotten else []
    return _check("entries", Verdict.OK, *found)


def removals(problem: RaakvlakError | None, positions: Positions) -> Check:
    if isinstance(problem, Broken) and problem.rule == "removals":
        return _check("removals", Verdict.WRONG, problem.said)
    if problem is not None:
        return _check("removals", Verdict.UNKNOWN, words.CHECKED_UNTIL(read=positions.read))
    published, removed = positions.counts[Kind.PUBLISHED], positions.counts[Kind.REMOVED]
    return _check("removals", Verdict.OK, words.REMOVALS_FOUND(published=published, removed=removed, live=positions.live))


def commitments(problem: RaakvlakError | None, positions: Positions, covenant: Covenant, history: bytes) -> Check:
    """The covenant versions in the log are those of the officer's covenant file `history`, which was verified before."""
    held = _hashes(history)
    found: list[Said] = []
    verdict, last = Verdict.OK, 0
    for version, hash in dict.fromkeys(positions.covenants):
        if held.get(version, hash) != hash:
            verdict = Verdict.WRONG
            found.append(words.COVENANT_OTHER(version=version, hash=hash))
        if version < last:
            verdict = Verdict.WRONG
            found.append(words.COVENANT_BACK(version=version))
        last = max(last, version)
    checks: dict[int, bytes] = {}
    for number, hash in positions.epochs:
        if checks.setdefault(number, hash) != hash:
            found.append(words.EPOCH_CHANGED(epoch=number))
    if verdict is Verdict.OK and found:
        verdict = Verdict.NOTE
    if problem is not None:
        grave = Verdict.WRONG if verdict is Verdict.WRONG else Verdict.UNKNOWN
        return _check("commitments", grave, *found, words.CHECKED_UNTIL(read=positions.read))
    if last == covenant.version:
        found.append(words.COVENANT_FOUND(version=last))
    else:
        verdict = verdict if verdict is Verdict.WRONG else Verdict.NOTE
        found.append(_other_version(last, covenant.version))
    return _check("commitments", verdict, *found)


def _other_version(acting: int, held: int) -> Said:
    if not acting:
        return words.COVENANT_NONE()
    sentence = words.COVENANT_NEWER if acting > held else words.COVENANT_OLDER
    return sentence(version=acting, held=held)


def _hashes(history: bytes) -> dict[int, bytes]:
    """version → hash of every version in a covenant file."""
    versions = parse(pb.CovenantHistory, history).versions
    return {parse(pb.Covenant, each.payload).version: covenants.covenant_hash(each.payload) for each in versions}


# --- witnesses --------------------------------------------------------------------------------------------------------


def witnesses(covenant: Covenant, followed: Followed, since: datetime | None, now: datetime) -> Check:
    """Enough witnesses have seen the log lately. `since` is when the officer first saw that too few had seen its end."""
    demanded, size = covenant.witness_threshold, followed.newest.size
    late = [id for id, each in followed.witnessed.items() if each.at > now + CLOCKS]
    notes = tuple(words.WITNESS_FUTURE(witness=id) for id in late)
    table = (_witness_table(covenant, followed, now),) if covenant.witnesses else ()

    def told(verdict: Verdict, found: Said) -> Check:
        softened = Verdict.NOTE if verdict is Verdict.OK and notes else verdict
        return _witnesses(covenant, softened, found, *notes, tables=table)

    if not demanded:
        return told(Verdict.NOTE, words.WITNESSES_NOT_ASKED())
    covered = followed.trusted.size if followed.trusted else 0
    if followed.trusted is not None and covered == size:
        return told(Verdict.OK, words.WITNESSES_ALL(size=size))
    signed = sorted((each.at for id, each in followed.witnessed.items() if id not in late), reverse=True)
    if len(followed.witnessed) < demanded:
        begun = since or now
        verdict = Verdict.WRONG if now - begun > ALARM else Verdict.UNKNOWN
        return told(verdict, words.WITNESSES_FEW(count=len(followed.witnessed), threshold=demanded, since=begun))
    last = signed[demanded - 1] if len(signed) >= demanded else (since or now)
    if now - last > ALARM:
        return told(Verdict.WRONG, words.WITNESSES_ALARM(last=last, hours=_HOURS, waiting=size - covered))
    return told(Verdict.OK, words.WITNESSES_WAITING(covered=covered, waiting=size - covered))


def _witnesses(covenant: Covenant, verdict: Verdict, *found: Said, tables: tuple[Table, ...] = ()) -> Check:
    how = words.WITNESSES_HOW(witnesses=len(covenant.witnesses), threshold=covenant.witness_threshold, hours=_HOURS)
    return Check("witnesses", words.WITNESSES_NAME(), how, verdict, found, tables)


def _witness_table(covenant: Covenant, followed: Followed, now: datetime) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for id, witness in sorted(covenant.witnesses.items()):
        seen = followed.witnessed.get(id)
        if seen is None:
            rows.append((f"{id} ({witness.name})", 0, followed.newest.size, words.NEVER(), "–"))
        else:
            hours = max(0, (now - seen.at) // timedelta(hours=1))
            rows.append((f"{id} ({witness.name})", seen.signed.size, followed.newest.size - seen.signed.size, seen.at, hours))
    headings = (words.WITNESS(), words.SEEN(), words.BEHIND_BY(), words.SIGNED_AT(), words.HOURS_AGO())
    return Table(headings, tuple(rows))


# --- figures ----------------------------------------------------------------------------------------------------------


def growth(positions: Positions, followed: Followed) -> tuple[tuple[Figure, ...], Table]:
    """How many entries of each kind there are, and were added since the last reading that was whole."""
    before = positions.before
    rows = tuple(
        (words.KINDS[kind](), positions.counts[kind] - (before.counts[kind] if before else 0), positions.counts[kind])
        for kind in Kind
    )
    title = words.GROWTH_SINCE(at=before.at) if before else words.GROWTH()
    figures = (
        Figure("size", words.SIZE(), followed.newest.size),
        Figure("trusted", words.TRUSTED_NOW(), followed.trusted.size if followed.trusted else 0),
        Figure("live", words.LIVE(), positions.live, words.LIVE_MEANS()),
    )
    return figures, Table((words.KIND(), words.ADDED(), words.TOTAL()), rows, title=title)
