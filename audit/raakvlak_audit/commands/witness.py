"""`witness`: the same as `follow`, then the cosignature."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from raakvlak_audit import follow as rules
from raakvlak_audit import source as sources
from raakvlak_audit.commands import follow as following
from raakvlak_audit.follow import Look
from raakvlak_audit.follow_checks import Other
from raakvlak_audit.officer import Officer
from raakvlak_audit.output import PROGRAM, Output, reporting
from raakvlak_audit.report import Check, Report, Verdict
from raakvlak_audit.sentences import witness as words
from raakvlak_audit.witness import Witness
from raakvlak_audit.wording import Said
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import RaakvlakError, Refused, Unavailable
from raakvlak_protocol.follow import Followed
from raakvlak_protocol.party import command, serving
from raakvlak_protocol.party.web import Site

LONGEST: Final = 24 * 60


@click.command()
@command.in_folder
@following.from_folder
@following.also
@click.option("--every", type=click.IntRange(1, LONGEST), metavar="MINUTES", help="Again and again, until SIGTERM.")
@click.option("--no-hand-in", is_flag=True, help="Print the cosigned note, to be handed to the index in another way.")
@reporting
def witness(path: Path, copy: Path | None, also: tuple[Path, ...], every: int | None, no_hand_in: bool, out: Output) -> None:
    """Check the log as 'follow' does, cosign exactly what was checked, and hand the cosignature to the index.

    What was cosigned is remembered first, and nothing is ever cosigned that contradicts it. May be repeated safely.
    """
    officer = Officer(path)
    address = officer.settings().log
    if not address and not no_hand_in:
        raise Refused("this officer's settings name no log to hand the cosignature to: use --no-hand-in")
    stop = serving.Stop.on_signals() if every else serving.Stop()
    with serving.only_one(officer.path / "witness.lock", f"{PROGRAM} witness"):
        while True:
            one = Round(officer, address, copy, following.others_of(also), no_hand_in, out)
            try:
                report = one(datetime.now(UTC))
            except Unavailable as error:
                if every is None:
                    raise
                command.say(PROGRAM, error.message)
            else:
                if every is None or grave(report):
                    out.show(report)
                out.write(report)
            if stop.wait(every * 60):
                return


def grave(report: Report) -> bool:
    """Whether a witness stops, so that a person looks: a lie of the log, or a cosignature that was refused. That other
    witnesses are late is their alarm, and no reason to be late too."""
    return any(each.verdict is Verdict.WRONG for each in report.checks if each.id != "witnesses")


@dataclass(frozen=True, slots=True)
class Round:
    """One look and, where all is well with the log, one cosignature."""

    officer: Officer
    address: str
    copy: Path | None
    others: tuple[Other, ...]
    no_hand_in: bool
    out: Output

    def __call__(self, now: datetime) -> Report:
        covenant = self.officer.covenant(now)  # each round anew: a newer one may have been taken meanwhile
        own = Witness.of(self.officer, covenant)
        last = own.last()
        before = following.trusted_before(self.officer, covenant)
        with following.one_at_a_time(self.officer), sources.opened(covenant, self.address, self.copy) as source:
            known = () if last is None else (last,)
            looked = Look(self.officer, covenant, source, now, following.bar(self.out), self.others, known)()
            rules.save(self.officer, covenant, looked, now)
            followed = looked.followed if looked.sound else None
            checks = (refused(),) if followed is None else self._cosigned(own, followed, covenant, now)
        details = [before, (words.WITNESS(), own.id)]
        return following.report("witness", words.TITLE(), covenant, source.name, details, looked, now, *checks)

    def _cosigned(self, own: Witness, followed: Followed, covenant: Covenant, now: datetime) -> tuple[Check, Check]:
        note = own.cosign(followed.newest, now)
        done = words.COSIGNED_FOUND(size=followed.newest.size, file=str(own.file))
        check = Check("cosigned", words.COSIGNED_NAME(), words.COSIGNED_HOW(), Verdict.OK, (done,))
        if self.no_hand_in:
            if not self.out.as_json:
                click.echo(note.decode(), nl=False)
            return check, handed_in(Verdict.NOTE, words.HANDED_IN_NOT(file=str(own.file)))
        with Site(self.address, covenant.index, covenant.roots_pem) as site:
            return check, hand_in(lambda note: site.put(f"/checkpoint/{own.id}", note), note)


def hand_in(put: Callable[[bytes], object], note: bytes) -> Check:
    """Brings the note to the index; what it said is the verdict, and the note stays with us in any case."""
    try:
        put(note)
    except Unavailable as error:
        return handed_in(Verdict.UNKNOWN, words.HANDED_IN_LATER(message=error.message))
    except RaakvlakError as error:
        return handed_in(Verdict.WRONG, words.HANDED_IN_REFUSED(message=error.message))
    return handed_in(Verdict.OK, words.HANDED_IN_FOUND())


def handed_in(verdict: Verdict, found: Said) -> Check:
    return Check("handed_in", words.HANDED_IN_NAME(), words.HANDED_IN_HOW(), verdict, (found,))


def refused() -> Check:
    """Nothing was cosigned; the checks before it tell why, and how grave it is."""
    return Check("cosigned", words.COSIGNED_NAME(), words.COSIGNED_HOW(), Verdict.UNKNOWN, (words.COSIGNED_NOT(),))
