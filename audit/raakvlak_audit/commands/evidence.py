"""`evidence`: what a file that a node or an officer kept shows, by the covenant alone."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import click

from raakvlak_audit.officer import Officer
from raakvlak_audit.output import Output, reporting
from raakvlak_audit.report import Check, Report, Subject, Verdict
from raakvlak_audit.sentences import evidence as words
from raakvlak_audit.wording import Said, Sentence
from raakvlak_protocol import evidence as documents
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.evidence import Finding
from raakvlak_protocol.party import command


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@command.in_folder
@reporting
def evidence(file: Path, path: Path, out: Output) -> None:
    """Check a FILE of evidence that a node or an officer kept: whom it convicts, or why it convicts nobody.

    Exit code 1 where it convicts the index, 75 where it shows something and convicts nobody, or shows nothing.
    """
    officer, now = Officer(path), datetime.now(UTC)
    covenant = officer.covenant(now)
    raw = _read(file)
    limits = [words.NOT_WHO(), words.NOT_ELSE()]
    try:
        finding = documents.check(raw, covenant.log_key)
    except Malformed as error:
        check = _check(Verdict.UNKNOWN, words.SHOWS_NOTHING(message=error.message))
    else:
        check = _judged(finding, covenant)
        limits.insert(0, words.NOT_SHOWN(what=finding.not_shown))
    details = ((words.FILE(), str(file)), (words.FINGERPRINT(), hashlib.sha256(raw).digest()))
    out.show(Report("evidence", words.TITLE(), Subject.of(covenant, *details), now, (check,), tuple(limits)))


def _judged(finding: Finding, covenant: Covenant) -> Check:
    story = [_story(words.KINDS[finding.kind], finding)] if finding.kind in words.KINDS else []
    says = words.SAYS(shows=finding.shows)
    if finding.convicts:
        return _check(Verdict.WRONG, words.CONVICTED(index=covenant.index.id), *story, says)
    return _check(Verdict.UNKNOWN, words.NOT_CONVICTED(), *story, says)


def _story(sentence: Sentence, finding: Finding) -> Said:
    """The sentence with those of the finding's numbers that it has a place for."""
    return sentence(**{name: value for name, value in finding.numbers.items() if f"{{{name}:" in sentence.en})


def _check(verdict: Verdict, *found: Said) -> Check:
    return Check("evidence", words.NAME(), words.HOW(), verdict, found)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(documents.MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise Refused(f"can't read {path}: {error.strerror}") from None
