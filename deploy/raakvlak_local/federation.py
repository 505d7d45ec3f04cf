"""A whole federation on one machine: every party its own process, with its own keys, over mutual TLS on loopback.

It imports no party and knows them only by their commands, as an operator would. Keys, certificates, shares and covenant
are made once and stay in the data folder; the processes are started anew each time. A sandbox: the dealer saw the keys.
"""

import csv
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

from raakvlak_local import officer, programs, provider, staff
from raakvlak_local.authority import Authority
from raakvlak_local.dealer import deal
from raakvlak_local.description import Coordinator, Description, Organisation
from raakvlak_local.officer import Officer, Witness
from raakvlak_local.provider import Client
from raakvlak_local.staff import Person
from raakvlak_protocol.errors import Refused, Unavailable
from raakvlak_protocol.identifier import ADDRESS, BSN
from raakvlak_protocol.identity import Identity, Role
from raakvlak_protocol.party.serving import only_one

COVENANT: Final = "local"
KEY_HOLDERS: Final = 3
KEY_THRESHOLD: Final = 2
LOG: Final = "log"
"""Beside the parties' names in the addresses: where the index serves its log."""
SIGN_IN: Final = "sign-in"
"""Likewise: where the sandbox's own OpenID provider is, in the place of the organisations' accounts."""
PROGRAM: Final = "raakvlak-local"
ACCOUNT: Final = "sandbox-account"
EPOCH: Final = 1
BSN_QUOTA_PER_ROW: Final = 16
ADDRESS_QUOTA_PER_ROW: Final = 2
COVENANT_YEARS: Final = 2
CERTIFICATE_DAYS: Final = 700
READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
_AT_ONCE: Final = max(2, os.cpu_count() or 2)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Party:
    """One process of the federation: its command, its folder and its address."""

    command: str
    folder: Path
    identity: Identity
    address: str

    @property
    def name(self) -> str:
        return self.folder.name


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything lies below the data folder."""

    data: Path

    @property
    def state(self) -> Path:
        """Written last when a federation is made; holds no secret."""
        return self.data / "federation.json"

    @property
    def keys(self) -> Path:
        """The key files, which a real party keeps on another disk than what they open."""
        return self.data / "keys"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def board(self) -> Path:
        return self.data / "board"

    @property
    def processes(self) -> Path:
        """The ids of the processes that run, so that a next run finds what this one left when it was killed."""
        return self.data / "processes.json"

    @property
    def sign_in(self) -> Path:
        """What the provider knows: the nodes' addresses and the people; no secret."""
        return self.data / "sign-in.json"

    @property
    def covenant(self) -> Path:
        return self.data / "covenant.raakvlak"

    @property
    def statements(self) -> Path:
        """The key holders' daily statements, as an officer gathers them."""
        return self.data / "statements"

    def node(self, id: str) -> Path:
        return self.data / f"node-{id}"


class Federation:
    """The parties of one data folder, and their processes while they run."""

    def __init__(self, description: Description, data: Path, say: Say) -> None:
        self.description = description
        self.layout = Layout(data.absolute())
        self._say = say
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._addresses: dict[str, str] = {}
        self._played = False
        data = self.layout.data
        self.witness = Witness(data / officer.WITNESS, self.layout.keys / f"{officer.WITNESS}.key")
        self.officer = Officer(data / "officer", data / "reports")

    @property
    def organisations(self) -> Sequence[Organisation]:
        """Those with a caseload."""
        return self.description.organisations

    @property
    def members(self) -> Sequence[Organisation | Coordinator]:
        """Those with a node: the organisations, and the coordinators who have no cases."""
        return self.description.members

    @property
    def people(self) -> Sequence[Person]:
        """Who signs in to the pages."""
        return self.description.people

    def parties(self) -> list[Party]:
        """Every party, in the order in which they start."""
        holders = [
            self._party("raakvlak-keyholder", f"keyholder-{number}", Role.KEYHOLDER, f"keyholder-{number}")
            for number in range(1, KEY_HOLDERS + 1)
        ]
        nodes = [self._party("raakvlak-node", f"node-{each.id}", Role.NODE, each.id) for each in self.members]
        return [*holders, self._party("raakvlak-index", "index", Role.INDEX, "index"), *nodes]

    @property
    def key_holders(self) -> list[Party]:
        return self.parties()[:KEY_HOLDERS]

    @property
    def store(self) -> Path:
        """The index's database, for whoever may only read it."""
        return self.index.folder / "store.db"

    @property
    def index(self) -> Party:
        return next(party for party in self.parties() if party.identity.role is Role.INDEX)

    def _party(self, command: str, folder: str, role: Role, id: str) -> Party:
        return Party(command, self.layout.data / folder, Identity(COVENANT, role, id), self._addresses.get(folder, ""))

    # --- making it ----------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Makes the federation, or takes the one that is there; then every party has an address that is free now."""
        if self.layout.state.exists():
            self._take_over()
            return
        if self.layout.data.exists() and any(self.layout.data.iterdir()):
            raise Refused(
                f"{self.layout.data} holds files but no finished federation: an earlier run was broken off while making it; "
                "remove the folder or name another one with --data"
            )
        self._say("making keys, certificates, shares and the covenant")
        try:
            self._make()
        except BaseException:
            # Half a federation is of no use to the next run, and nothing was imported into it yet.
            shutil.rmtree(self.layout.data, ignore_errors=True)
            raise

    def _make(self) -> None:
        for folder in (self.layout.keys, self.layout.logs, self.layout.board):
            folder.mkdir(parents=True, mode=0o700)
        names = [*(party.name for party in self.parties()), LOG, SIGN_IN]
        self._addresses = {name: f"127.0.0.1:{port}" for name, port in zip(names, _free_ports(len(names)), strict=True)}
        authority = Authority.create("raakvlak local sandbox", datetime.now(UTC))
        self._each(self._init, self.parties())
        pin = self._sign_covenant(authority)
        self._each(lambda party: self._join(party, authority, pin), self.parties())
        self._each(lambda each: each.init(self.layout.covenant, pin, self._addresses[LOG]), (self.witness, self.officer))
        self._each(self._new_access_token, self.members)
        self._each(self._add_people, self.members)
        self._save()

    def _each(self, act: Callable[[Any], None], items: Sequence[Any]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(act, items))

    def _take_over(self) -> None:
        state = json.loads(self.layout.state.read_text())
        self._addresses = state["addresses"]
        if not {LOG, SIGN_IN} <= self._addresses.keys():
            raise Refused(
                f"{self.layout.data} was made by an older version, whose index kept no log or whose nodes had no pages: "
                "delete that folder"
            )
        if state["description"] != self.description.fingerprint:
            raise Refused(
                f"federation.toml, its organisations or people.csv have changed since {self.layout.data} was made; a covenant "
                "is not rewritten here: name another folder with --data"
            )
        self._played = state["played"]
        # A provider that moves is another one to the nodes, and nobody whom the old one let in would be let in by it.
        taken = [old for name, old in self._addresses.items() if name != SIGN_IN and not _is_free(old)]
        moved = {old: f"127.0.0.1:{port}" for old, port in zip(taken, _free_ports(len(taken)), strict=True)}
        if moved:
            self._move(moved)

    def _move(self, moved: Mapping[str, str]) -> None:
        """Gives parties other addresses than they had."""
        self._addresses = {name: moved.get(old, old) for name, old in self._addresses.items()}
        for folder in (*(party.folder for party in self.parties()), self.witness.folder, self.officer.folder):
            settings = folder / "settings.toml"
            text = settings.read_text()
            for old, new in moved.items():
                text = text.replace(f'"{old}"', f'"{new}"').replace(f'"{_origin(old)}"', f'"{_origin(new)}"')
            settings.write_text(text)
        self._save()

    @property
    def played(self) -> bool:
        """Whether the people of the demo have done their part; what is done from then on is up to whoever tries it."""
        return self._played

    def note_played(self) -> None:
        self._played = True
        self._save()

    def _save(self) -> None:
        state = {"description": self.description.fingerprint, "addresses": self._addresses, "played": self._played}
        fresh = self.layout.state.with_suffix(".new")
        fresh.write_text(json.dumps(state))
        fresh.replace(self.layout.state)

    def _init(self, party: Party) -> None:
        key_file = self.layout.keys / f"{party.name}.key"
        arguments = ["--covenant", COVENANT, "--id", party.identity.id, "--key-file", str(key_file)]
        if party.identity.role is Role.NODE:
            member = next(each for each in self.members if each.id == party.identity.id)
            arguments += ["--name", member.name, "--kind", member.kind, "--rest", party.address]
            arguments += ["--index", self._addresses["index"], "--pages", _origin(party.address)]
            if self.people:
                arguments += ["--oidc", self.sign_in, "--oidc-client", party.name, "--oidc-name", ACCOUNT]
            for number in range(1, KEY_HOLDERS + 1):
                name = f"keyholder-{number}"
                arguments += ["--key-holder", f"{name}={self._addresses[name]}"]
        else:
            arguments += ["--name", party.name, "--listen", party.address]
        if party.identity.role is Role.KEYHOLDER:
            arguments += ["--share-number", party.identity.id.removeprefix("keyholder-")]
        self.run(party, "init", *arguments, "--log", self._addresses[LOG])

    def _sign_covenant(self, authority: Authority) -> str:
        """Deals the keys, writes the draft, has the board sign it; returns the hash by which the covenant is pinned."""
        board = self.layout.board
        (board / "ca.pem").write_bytes(authority.certificate_pem)
        shares = range(1, KEY_HOLDERS + 1)
        keys = [deal(namespace, EPOCH, KEY_THRESHOLD, shares, secrets.token_bytes) for namespace in (BSN, ADDRESS)]

        def give_shares(party: Party) -> None:
            number = int(party.identity.id.removeprefix("keyholder-"))
            # By a pipe: a share is never in the clear on a disk.
            self.run(party, "accept-shares", given="".join(key.share_line(number) + "\n" for key in keys))

        self._each(give_shares, self.key_holders)
        key_file = self.layout.keys / "board.key"
        made = programs.run("raakvlak-covenant", "board-key", str(board / "board.sealed"), "--key-file", str(key_file))
        draft = board / "draft.toml"
        draft.write_text(self._draft(made.strip(), "\n".join(key.draft_entry() for key in keys)))
        signed = programs.run(
            "raakvlak-covenant", "sign", str(draft), "--out", str(self.layout.covenant),
            "--key", str(board / "board.sealed"), "--key-file", str(key_file), "--json",
        )  # fmt: skip
        pin: str = json.loads(signed)["hash"]
        return pin

    def _draft(self, board_key: str, epoch_keys: str) -> str:
        now = datetime.now(UTC).replace(microsecond=0)
        start, end = now - timedelta(days=1), now.replace(year=now.year + COVENANT_YEARS, day=1)
        entries = "\n".join((party.folder / "entry.toml").read_text() for party in self.parties()[: KEY_HOLDERS + 1])
        members = "\n".join((self.layout.node(each.id) / "entry.toml").read_text() + _quotas(each) for each in self.members)
        return f"""id = "{COVENANT}"
version = 1
sandbox = true
valid_from = {_toml_moment(start)}
valid_until = {_toml_moment(end)}
key_threshold = {KEY_THRESHOLD}
witness_threshold = 1
ca_certificates = ["ca.pem"]

[board]
keys = ["{board_key}"]
threshold = 1

[legal_basis]
uri = "urn:raakvlak:sandbox"
text = "A sandbox with synthetic people only; no legal basis is needed or claimed."

{self.description.rules_toml}
{entries}
{members}
{self.witness.new_key(COVENANT)}
[[epoch]]
number = {EPOCH}
valid_from = {_toml_moment(start)}
valid_until = {_toml_moment(end)}
{epoch_keys}
"""

    def _join(self, party: Party, authority: Authority, pin: str) -> None:
        certificate = authority.issue(
            (party.folder / "request.pem").read_bytes(), party.identity, datetime.now(UTC), days=CERTIFICATE_DAYS
        )
        issued = self.layout.board / f"{party.name}.pem"
        issued.write_bytes(certificate)
        self.run(party, "join", "--certificate", str(issued), "--covenant", str(self.layout.covenant), "--pin", pin)

    def _new_access_token(self, member: Organisation | Coordinator) -> None:
        node = self.node(member.id)
        made = json.loads(self.run(node, "token", "new", "local", "--json"))
        path = self.layout.keys / f"{node.name}.token"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made["token"])

    def _add_people(self, member: Organisation | Coordinator) -> None:
        listed = self.layout.data / f"people-{member.id}.csv"
        if any(each.node == member.id for each in self.people):
            staff.for_node(self.people, member.id, listed)
            self.run(self.node(member.id), "user", "import", str(listed))
            listed.unlink()

    def node(self, id: str) -> Party:
        return self._party("raakvlak-node", f"node-{id}", Role.NODE, id)

    # --- running it ---------------------------------------------------------------------------------------------------

    def run(self, party: Party, *arguments: str, given: str = "", allowed: Sequence[int] = (0,)) -> str:
        """Runs one command of a party to its end; returns what it printed."""
        return programs.run(party.command, *arguments, "--folder", str(party.folder), given=given, allowed=allowed)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While no other run works on this data folder; first stops what a run that was killed left behind."""
        data = self.layout.data
        data.parent.mkdir(parents=True, exist_ok=True)
        with only_one(data.with_name(f"{data.name}.lock"), "run"):
            if self.layout.processes.exists():
                left = programs.stop_left(json.loads(self.layout.processes.read_text()), data, STOP_SECONDS)
                if left:
                    self._say(f"stopped {left} processes that an earlier run had left behind")
            yield

    @contextmanager
    def running(self, *, reconcile: bool = False, stay: bool = False) -> Iterator[None]:
        """All processes up and ready, and all stopped in order afterwards. With `reconcile`, nodes that were restored
        from a backup are reconciled before they start; to `stay`, the witness looks at the log each minute, and people can
        sign in."""
        try:
            self._start_all(self.parties()[: KEY_HOLDERS + 1])
            nodes = self.parties()[KEY_HOLDERS + 1 :]
            if reconcile:
                self._each(self._reconcile, nodes)
            self._start_all(nodes)
            if stay:
                if self.people:
                    self._start_sign_in()
                every = ["--every", str(officer.EVERY_MINUTES)]
                with self._log(officer.WITNESS) as log:
                    self._run_beside(officer.WITNESS, [officer.PROGRAM, *self.witness.arguments, *every], log)
            yield
        finally:
            self.stop()

    def _start_all(self, parties: Sequence[Party]) -> None:
        for party in parties:
            self._start(party)
        for party in parties:
            self._await_ready(party.name)

    def _start_sign_in(self) -> None:
        clients = []
        for each in self.members:
            own = tuple(person for person in self.people if person.node == each.id)
            clients.append(Client(f"node-{each.id}", each.name, self.pages(each), own))
        provider.save(self.layout.sign_in, self.sign_in, clients)
        self._run_beside(SIGN_IN, [PROGRAM, "sign-in", str(self.layout.sign_in)], subprocess.PIPE)
        self._await_ready(SIGN_IN)

    def _reconcile(self, node: Party) -> None:
        if json.loads(self.run(node, "status", "--json"))["reconcile"]:
            self._say(f"reconciling {node.name}: {self.run(node, 'reconcile', '--json').strip()}")

    def _start(self, party: Party) -> None:
        self._run_beside(party.name, [party.command, "serve", "--folder", str(party.folder)], subprocess.PIPE)

    def _run_beside(self, name: str, arguments: Sequence[str], output: IO[str] | int) -> None:
        program, *further = arguments
        with self._log(name) as log:
            self._processes[name] = subprocess.Popen(
                [programs.located(program), *further],
                stdin=subprocess.DEVNULL, stdout=output, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        self._note_processes()

    def _note_processes(self) -> None:
        self.layout.processes.write_text(json.dumps([process.pid for process in self._processes.values()]))

    def _log(self, name: str) -> IO[str]:
        return (self.layout.logs / f"{name}.log").open("a")

    def _await_ready(self, name: str) -> None:
        process = self._processes[name]
        assert process.stdout is not None
        with ThreadPoolExecutor(1) as threads:
            line = threads.submit(process.stdout.readline)
            try:
                said = line.result(READY_SECONDS)
            except TimeoutError:
                process.kill()
                said = ""
        if not said:
            raise Unavailable(f"{name} did not become ready; its log ends: {self._log_end(name)}")
        if not json.loads(said).get("ready"):
            raise Unavailable(f"{name} said something else than that it is ready")

    def _log_end(self, name: str) -> str:
        lines = (self.layout.logs / f"{name}.log").read_text().splitlines()
        return lines[-1] if lines else "(nothing)"

    def demand_alive(self) -> None:
        """Raises Unavailable naming the first process that has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise Unavailable(f"{name} ended with code {process.returncode}; its log ends: {self._log_end(name)}")

    def stop_nodes(self) -> None:
        """Stops the nodes, the witness and the provider; index and key holders go on."""
        servers = {party.name for party in self.parties()[: KEY_HOLDERS + 1]}
        self._stop([name for name in self._processes if name not in servers])

    def stop(self) -> None:
        """Stops the nodes, then the index and the key holders; kills what does not stop."""
        self.stop_nodes()
        self._stop(list(self._processes))

    def _stop(self, names: Sequence[str]) -> None:
        for name in names:
            self._processes[name].terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for name in names:
            process = self._processes.pop(name)
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._note_processes()

    def pid(self, name: str) -> int:
        """The process of a party, by its folder's name."""
        return self._processes[name].pid

    def start_again(self, name: str) -> None:
        """Starts a party anew whose process has ended."""
        old = self._processes.pop(name)
        old.wait()
        if old.stdout is not None:
            old.stdout.close()
        party = next(each for each in self.parties() if each.name == name)
        self._start(party)
        self._await_ready(party.name)

    def import_caseload(self, organisation: Organisation) -> dict[str, Any]:
        """Imports an organisation's file into its node; rejected rows are part of the answer."""
        printed = self.run(self.node(organisation.id), "import", str(organisation.caseload), "--json", allowed=(0, 2))
        found: dict[str, Any] = json.loads(printed)
        return found

    def index_status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(self.index, "status", "--json"))
        return found

    def picture(self, node: str, case_ref: str) -> str:
        return self.run(self.node(node), "picture", case_ref)

    def rest(self, member: Organisation | Coordinator) -> tuple[str, str]:
        """The address of a node's REST API and the access token that was made for it."""
        token = (self.layout.keys / f"node-{member.id}.token").read_text()
        return f"http://{self._addresses[f'node-{member.id}']}", token

    def pages(self, member: Organisation | Coordinator) -> str:
        """The address by which a browser on this machine reaches a node's pages."""
        return _origin(self._addresses[f"node-{member.id}"])

    @property
    def sign_in(self) -> str:
        """The address of the provider."""
        return _origin(self._addresses[SIGN_IN])

    @property
    def operator(self) -> str:
        """The address of the index operator's pages, under the name that stands in the index's certificate."""
        return f"https://{self.index.identity.dns_name}:{self._addresses[LOG].rpartition(':')[2]}/operator"


def _rows(caseload: Path) -> int:
    with caseload.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return max(sum(any(row) for row in csv.reader(file)) - 1, 0)


def _quotas(member: Organisation | Coordinator) -> str:
    """A coordinator asks the key holders for nothing: no quota is its quota."""
    if isinstance(member, Coordinator):
        return ""
    rows = _rows(member.caseload)
    return (
        f"[member.quota.{BSN}]\ndeclared = {max(rows * BSN_QUOTA_PER_ROW, 1)}\n"
        f"[member.quota.{ADDRESS}]\ndeclared = {max(rows * ADDRESS_QUOTA_PER_ROW, 1)}\n"
    )


def _toml_moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _origin(address: str) -> str:
    """The pages' address for browsers, which give the name `localhost` their trust, and not to a number."""
    return f"http://localhost:{address.rpartition(':')[2]}"


def _free_ports(count: int) -> list[int]:
    """So many ports that are free now, no two the same."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _is_free(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError:
            return False
    return True
