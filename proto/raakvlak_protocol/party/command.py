"""How a party's command behaves: where its folder is, how it talks, and what its exit code tells.

Results go to standard output; talk, progress and errors to standard error, as `program: message`.
"""

import sqlite3
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from raakvlak_protocol.errors import Malformed, RaakvlakError, Unavailable
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.party import sealed
from raakvlak_protocol.party.events import place

if TYPE_CHECKING:
    from raakvlak_protocol.party.membership import Folder

DONE: Final = 0
FAILED: Final = 1
ROWS_REJECTED: Final = 2
TRY_LATER: Final = 75
"""EX_TEMPFAIL of sysexits.h."""
_VERBS: Final = ("must ", "holds ", "is ", "has ", "no such day ")

in_folder = click.option(
    "--folder",
    "path",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    envvar="RAAKVLAK_FOLDER",
    help="Where this party keeps its files.  [default: the current folder]",
)
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")


def say(program: str, message: str) -> None:
    """Talk, on standard error."""
    click.echo(f"{program}: {message}", err=True)


def run(program: str, commands: click.Group) -> NoReturn:
    """The whole of a console script: runs what was asked and translates every error, in this one place.

    An exception that is not ours is told by its class and its place: its text, and a traceback's last line, may quote an
    identifier.
    """
    try:
        # Without its standalone mode click returns the code of an Exit instead of ending the process with it.
        code = commands.main(prog_name=program, standalone_mode=False) or DONE
    except (click.Abort, KeyboardInterrupt):
        code, message = FAILED, "broken off; what was stored stays, the same command goes on from there"
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(FAILED)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else program
        code, message = FAILED, f"{_plain(error.format_message())} (see '{path} --help')"
    except click.ClickException as error:
        code, message = FAILED, _plain(error.format_message())
    except Unavailable as error:
        code, message = TRY_LATER, error.message
    except RaakvlakError as error:
        code, message = FAILED, _named(error)
    except sqlite3.Error as error:
        code, message = _store_failed(error)
    except OSError as error:
        code, message = FAILED, f"{error.filename or 'a file'}: {(error.strerror or 'failed').lower()}"
    except Exception as error:
        code = FAILED
        message = f"internal error: {type(error).__name__} at {place(error)}; what it said is not shown, please report it"
    else:
        sys.exit(code)
    say(program, message)
    sys.exit(code)


def _named(error: RaakvlakError) -> str:
    """What is wrong; where that begins with its verb ("must be filled in"), behind the name of the field."""
    field = error.field if isinstance(error, Malformed) else None
    return f"{field}: {error.message}" if field and error.message.startswith(_VERBS) else error.message


def add_join(program: str, commands: click.Group, own: Callable[[Path], tuple["Folder", Identity, sealed.Lock]]) -> None:
    """Gives a party's command its `join`. `own` tells, of its folder, who the party is and what opens its secrets."""
    from raakvlak_protocol.party import membership

    existing = click.Path(path_type=Path, exists=True, dir_okay=False)

    @commands.command()
    @in_folder
    @click.option("--certificate", required=True, type=existing, help="PEM, issued from request.pem.")
    @click.option("--covenant", required=True, type=existing, help="The covenant file.")
    @click.option("--pin", required=True, metavar="HEX", help="Hash of its first version, given out of band.")
    def join(path: Path, certificate: Path, covenant: Path, pin: str) -> None:
        """Take certificate and covenant once they are issued, or a newer one of either, after verifying both."""
        folder, identity, lock = own(path)
        joined = membership.join(
            folder,
            identity,
            lock,
            certificate=certificate.read_bytes(),
            history=covenant.read_bytes(),
            pin=membership.parse_pin(pin),
            now=datetime.now(UTC),
        )
        say(program, f"joined covenant {joined.covenant.id} version {joined.covenant.version} as {identity.id}")


def new_key_file(path: Path) -> sealed.KeyFile:
    """The key file at `path`, made where there is none yet."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        sealed.new_key_file(path)
    return sealed.KeyFile(path)


def _plain(message: str) -> str:
    """click's sentence as ours are: lower case, no full stop."""
    text = message.strip().rstrip(".")
    return text[:1].lower() + text[1:]


def _store_failed(error: sqlite3.Error) -> tuple[int, str]:
    # SQLite's own words name tables and files, never what stands in them.
    if getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return TRY_LATER, "the store is busy: another command is at work; try again"
    return FAILED, f"the store can't be used ({error}): restore it from a backup with 'restore FILE --replace'"
