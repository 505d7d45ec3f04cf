"""From a draft to a file that every party accepts, by the commands that a board runs."""

import json
import re
from pathlib import Path

import pytest

from raakvlak_covenant import draft
from raakvlak_covenant.sign import board_key, judged_alone
from raakvlak_protocol import covenant as covenants
from raakvlak_protocol.covenant import Coordination, FollowUpTerms, Quota
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.note import NoteKey
from raakvlak_protocol.party.sealed import KeyFile
from raakvlak_protocol.relation import Relation
from tests.covenant.drafting import Board, done, draft_text, run
from tests.covenants import NOW, Sandbox, make_covenant, public_key

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant(members={"school": "education", "town": "municipality", "shelter": "shelter"})


@pytest.fixture(scope="module")
def coordinated() -> Sandbox:
    """Two coordinators; a draft of it names neither in a rule yet."""
    return make_covenant(
        members={"school": "education", "town": "municipality", "shelter": "shelter"}
        | dict.fromkeys(("table", "other-table"), "coordinator")
    )


def test_a_draft_becomes_a_covenant_that_verifies(tmp_path: Path, sandbox: Sandbox) -> None:
    board = Board(tmp_path, sandbox)
    out = tmp_path / "covenant.raakvlak"
    pin = done("sign", board.draft(), "--out", out, *board.with_key())
    covenant = covenants.verify(out.read_bytes(), bytes.fromhex(pin), NOW)
    assert covenant.hash.hex() == pin == done("hash", out)
    assert covenant.roots == (sandbox.authority.certificate_der,)
    assert covenant.epochs[1].keys == sandbox.covenant.epochs[1].keys
    assert {each.id: each.share_number for each in covenant.key_holders.values()} == {
        "keyholder-1": 1,
        "keyholder-2": 2,
        "keyholder-3": 3,
    }
    assert covenant.member("school").signing_key == sandbox.covenant.member("school").signing_key
    assert covenant.log_key == sandbox.covenant.log_key
    assert covenant.key_holders == sandbox.covenant.key_holders
    assert (covenant.witnesses, covenant.witness_threshold) == (sandbox.covenant.witnesses, 0)


def test_what_a_draft_leaves_out_is_the_safe_default(tmp_path: Path, sandbox: Sandbox) -> None:
    board = Board(tmp_path, sandbox)
    pin = done("sign", board.draft(), "--out", tmp_path / "c", *board.with_key())
    covenant = covenants.verify((tmp_path / "c").read_bytes(), bytes.fromhex(pin), NOW)
    assert covenant.quota("school", "bsn") == Quota(declared=1050, first_load=1050, daily=11)
    assert covenant.quota("school", "address") == Quota(0, 0, 0)
    assert (covenant.retention_months, covenant.adult_clients) == (24, False)
    assert (covenant.household_limit, covenant.mixing_minutes) == (4, 0)
    assert covenant.may_publish("education") == set(Relation)
    assert covenant.may_publish("shelter") == set(Relation) - {Relation.ADDRESS}
    assert covenant.direct_for("police", "education")
    assert covenant.direct_for("education", "education")
    assert covenant.follow_up == FollowUpTerms(5, 10, 30, 60, 5, 2)
    assert (covenant.archive_months, covenant.coordination) == (0, ())
    assert not any(covenant.direct_for(kind, other) for kind in ("shelter", "coordinator") for other in covenants.KINDS)


def test_the_mixing_window_is_an_hour_outside_a_sandbox(tmp_path: Path, sandbox: Sandbox) -> None:
    board = Board(tmp_path, sandbox, size=2)
    text = draft_text(sandbox, board.public, threshold=2)
    text = text.replace("sandbox = true", "sandbox = false").replace("witness_threshold = 0", "witness_threshold = 1")
    pin = done(
        "sign", board.draft(text), "--out", tmp_path / "c", "--key", board.keys[0], *board.with_key(1)
    )  # fmt: skip
    assert covenants.verify((tmp_path / "c").read_bytes(), bytes.fromhex(pin), NOW).mixing_minutes == 60


def test_show_prints_what_was_agreed(tmp_path: Path, sandbox: Sandbox) -> None:
    board = Board(tmp_path, sandbox)
    pin = done("sign", board.draft(), "--out", tmp_path / "c", *board.with_key())
    shown = json.loads(done("show", tmp_path / "c", "--pin", pin, "--json"))
    assert (shown["hash"], shown["pin"], shown["missing_signatures"]) == (pin, pin, 0)
    assert shown["members"][0]["quota"] == {"bsn": {"declared": 1050, "first_load": 1050, "daily": 11}}
    lines = done("show", tmp_path / "c", "--pin", pin).splitlines()
    assert "members[school].quota.bsn.daily = 11" in lines
    assert "rules.household_limit = 4" in lines
    assert f"index.log_key = {public_key(sandbox.log_seed).hex()}" in lines
    assert f"key_holders[keyholder-2].signing_key = {public_key(sandbox.holder_seeds[2]).hex()}" in lines
    assert f"witnesses[witness-1].key = {public_key(sandbox.witness_seeds['witness-1']).hex()}" in lines
    assert NoteKey.parse(shown["index"]["log_verifier"]) == sandbox.covenant.log_key
    assert NoteKey.parse(shown["witnesses"][0]["verifier"]) == sandbox.covenant.witnesses["witness-1"].key
    wrong = run("show", tmp_path / "c", "--pin", "0" * 64)
    assert wrong.returncode == 1
    assert "not the covenant that was pinned" in wrong.stderr


ALL = ("education", "municipality", "shelter")


def following_up(*rules: tuple[str, tuple[str, ...]]) -> str:
    """The end of a draft: its own terms, and who is called in."""
    listed = "".join(f'[[coordination]]\ncoordinator = "{who}"\nkinds = {json.dumps(kinds)}\n' for who, kinds in rules)
    return f"""[rules]
archive_months = 6
[rules.follow_up]
acknowledge_days = 3
contact_days = 6
agreement_days = 20
evaluation_days = 90
grace_days = 0
reminder_days = 1
{listed}"""


def test_terms_archive_and_coordinators_are_what_the_draft_says(tmp_path: Path, coordinated: Sandbox) -> None:
    board = Board(tmp_path, coordinated)
    rules = (("other-table", ("shelter", "education")), ("table", ALL))
    draft = board.draft(draft_text(coordinated, board.public) + following_up(*rules))
    signed = run("sign", draft, "--out", tmp_path / "c", *board.with_key())
    assert "warning" not in signed.stderr, "each two kinds have somebody"
    pin = signed.stdout.strip()
    covenant = covenants.verify((tmp_path / "c").read_bytes(), bytes.fromhex(pin), NOW)
    assert covenant.follow_up == FollowUpTerms(3, 6, 20, 90, 0, 1)
    assert covenant.archive_months == 6
    assert covenant.coordination == tuple(Coordination(who, frozenset(kinds)) for who, kinds in rules)

    shown = run("show", tmp_path / "c", "--pin", pin)
    lines = shown.stdout.splitlines()
    assert "rules.follow_up.acknowledge_days = 3" in lines
    assert "rules.archive_months = 6" in lines
    assert "coordination[0].coordinator = other-table" in lines
    assert "coordination[0].kinds = education, shelter" in lines
    assert "coordination[1].coordinator = table" in lines
    for words in (
        "in working days: a match is looked at within 3 and spoken about within 6; 20 after that there is an agreement, and 90 "
        "after an agreement or evaluation, at most, the next evaluation",
        "a reminder is given 1 working day before a term; a coordinator, where there is one, is called in as soon as it passed",
        "other-table (The other-table) is called in between any two of: education, shelter",
        "a node may keep what ended because the risk is gone or the term was over for 6 months more",
    ):
        assert f"raakvlak-covenant: {words}\n" in shown.stderr
    as_json = json.loads(done("show", tmp_path / "c", "--pin", pin, "--json"))
    assert as_json["rules"]["follow_up"]["grace_days"] == 0
    assert as_json["coordination"][1] == {"coordinator": "table", "kinds": sorted(ALL)}


WARNINGS: dict[str, tuple[tuple[tuple[str, tuple[str, ...]], ...], list[str]]] = {
    "nobody coordinates": (
        (),
        [
            "no coordinator serves shelter: whatever it has is withheld, and nobody hears of its matches",
            "no coordinator serves education, municipality: confidential and protected cases there are withheld, and nobody is "
            "called in where a match is not followed up",
        ],
    ),
    "the shelter is left out": (
        (("table", ("education", "municipality")),),
        ["no coordinator serves shelter: whatever it has is withheld, and nobody hears of its matches"],
    ),
    "two kinds have none in common": (
        (("table", ("education", "municipality")), ("other-table", ("shelter", "municipality"))),
        ["no coordinator serves both education and shelter: nobody hears of a match between them"],
    ),
    "each has its own": (
        (("table", ("education", "shelter")), ("other-table", ("shelter", "municipality"))),
        [
            "no coordinator serves both education and municipality: nobody hears of a match with a confidential or protected "
            "case between them, nor is called in about another"
        ],
    ),
    "kinds that nobody is of are no matter": ((("table", (*ALL, "police")), ("other-table", ("justice",))), []),
}


@pytest.mark.parametrize(("rules", "warned"), WARNINGS.values(), ids=WARNINGS.keys())
def test_the_board_is_warned_of_what_is_left_to_nobody(
    tmp_path: Path, coordinated: Sandbox, rules: tuple[tuple[str, tuple[str, ...]], ...], warned: list[str]
) -> None:
    board = Board(tmp_path, coordinated)
    draft = board.draft(draft_text(coordinated, board.public) + following_up(*rules))
    signed = run("sign", draft, "--out", tmp_path / "c", *board.with_key())
    pin = signed.stdout.strip()
    cosigned = run("cosign", tmp_path / "c", "--pin", pin, "--hash", pin, *board.with_key())
    shown = run("show", tmp_path / "c", "--pin", pin, "--json")
    for told in (run("check", draft), signed, cosigned, shown):
        assert told.returncode == 0, told.stderr
        start = "raakvlak-covenant: warning: "
        assert [line.removeprefix(start) for line in told.stderr.splitlines() if line.startswith(start)] == warned


COORDINATION = following_up(("table", ALL))
WRONG_FOLLOW_UP = {
    "term of no days": ("acknowledge_days = 3", "acknowledge_days = 0", "follow_up.acknowledge_days is 0 and must lie between"),
    "term of 261 days": ("evaluation_days = 90", "evaluation_days = 261", "follow_up.evaluation_days is 261"),
    "negative": ("grace_days = 0", "grace_days = -1", "rules.follow_up.grace_days must lie between 0 and"),
    "beyond the wire": ("grace_days = 0", "grace_days = 4294967296", "rules.follow_up.grace_days is too large"),
    "half a day": ("contact_days = 6", "contact_days = 6.5", "rules.follow_up.contact_days must be a whole number"),
    "unknown term": ("contact_days = 6", "contacts_days = 6", "rules.follow_up.contacts_days is unknown"),
    "terms are no table": ("[rules.follow_up]", "[[rules.follow_up]]", "rules.follow_up must be a table"),
    "long archive": ("archive_months = 6", "archive_months = 61", "archive_months is 61"),
    "coordination is no list": ("[[coordination]]", "[coordination]", "coordination must be a list of tables"),
    "no coordinator": ('coordinator = "table"\n', "", "coordination[0].coordinator is missing"),
    "coordinator is a stranger": (
        '"table"', '"stranger"', "coordination[0].coordinator must be the id of a member of the kind coordinator",
    ),
    "coordinator is a school": (
        '"table"', '"school"', "coordination[0].coordinator must be the id of a member of the kind coordinator",
    ),
    "no kinds": ("kinds = ", "kind = ", "coordination[0].kinds is missing"),
    "kinds are no list": (json.dumps(ALL), '"education"', "coordination[0].kinds must be a list of texts"),
    "empty kinds": (json.dumps(ALL), "[]", "coordinator table serves no kind"),
    "unknown kind": ('"shelter"]', '"bank"]', "coordinator table serves no kind, one twice, or an unknown one"),
    "kind twice": ('"shelter"]', '"education"]', "coordinator table serves no kind, one twice, or an unknown one"),
    "unknown key": ('coordinator = "table"', 'coordinator = "table"\nfor = "all"', "coordination[0].for is unknown"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), WRONG_FOLLOW_UP.values(), ids=WRONG_FOLLOW_UP.keys())
def test_a_wrong_term_or_coordinator_is_refused_with_the_place(
    tmp_path: Path, coordinated: Sandbox, old: str, new: str, said: str
) -> None:
    (tmp_path / "ca.pem").write_bytes(coordinated.authority.certificate_pem)
    path = tmp_path / "draft.toml"
    text = draft_text(coordinated, [public_key(coordinated.board[0]).hex()])
    path.write_text(text + COORDINATION)
    judged_alone(draft.read(path))
    assert old in COORDINATION
    path.write_text(text + COORDINATION.replace(old, new, 1))
    with pytest.raises((Malformed, Refused), match=re.escape(said)):
        judged_alone(draft.read(path))


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        (0, "no witness need cosign the log (1 named): parties trust the index's word alone"),
        (1, "the log is trusted up to where 1 of 1 witnesses cosigned it"),
    ],
)
def test_the_board_reads_in_words_who_watches_the_log(tmp_path: Path, sandbox: Sandbox, threshold: int, said: str) -> None:
    board = Board(tmp_path, sandbox)
    text = draft_text(sandbox, board.public).replace("witness_threshold = 0", f"witness_threshold = {threshold}")
    draft = board.draft(text)
    assert said in run("check", draft).stderr
    pin = done("sign", draft, "--out", tmp_path / "c", *board.with_key())
    assert said in run("show", tmp_path / "c", "--pin", pin).stderr
    assert f"witness_threshold = {threshold}" in done("show", tmp_path / "c", "--pin", pin).splitlines()


def test_only_a_sandbox_leaves_out_how_many_witnesses_must_cosign(tmp_path: Path, sandbox: Sandbox) -> None:
    board = Board(tmp_path, sandbox, size=2)
    text = draft_text(sandbox, board.public, threshold=2).replace("witness_threshold = 0\n", "")
    assert run("check", board.draft(text)).returncode == 0
    refused = run("check", board.draft(text.replace("sandbox = true", "sandbox = false")))
    assert refused.returncode == 1
    assert "witness_threshold is missing" in refused.stderr


def test_a_board_of_two_signs_one_after_the_other(tmp_path: Path, sandbox: Sandbox) -> None:
    board = Board(tmp_path, sandbox, size=2)
    out = tmp_path / "c"
    told = json.loads(done("sign", board.draft(threshold=2), "--out", out, *board.with_key(0), "--json"))
    assert told["missing_signatures"] == 1
    pin = told["hash"]
    with pytest.raises(Refused, match="1 valid board signatures and needs 2"):
        covenants.verify(out.read_bytes(), bytes.fromhex(pin), NOW)
    assert "1 board signatures are missing" in run("show", out, "--pin", pin).stderr

    again = json.loads(done("cosign", out, "--pin", pin, "--hash", pin, *board.with_key(0), "--json"))
    assert again["missing_signatures"] == 1, "the same key twice counts once"

    other = run("cosign", out, "--pin", pin, "--hash", "ab" * 32, *board.with_key(1))
    assert other.returncode == 1
    assert "another version than the one that you agreed to" in other.stderr

    done("cosign", out, "--pin", pin, "--hash", pin, *board.with_key(1))
    assert covenants.verify(out.read_bytes(), bytes.fromhex(pin), NOW).version == 1


def test_a_key_outside_the_board_does_not_sign(tmp_path: Path, sandbox: Sandbox) -> None:
    board = Board(tmp_path, sandbox, size=2)
    text = draft_text(sandbox, board.public[:1])
    refused = run("sign", board.draft(text), "--out", tmp_path / "c", *board.with_key(1))
    assert refused.returncode == 1
    assert "none of the board's" in refused.stderr
    assert not (tmp_path / "c").exists()


def test_a_second_version_follows_on_the_first(tmp_path: Path, sandbox: Sandbox) -> None:
    board = Board(tmp_path, sandbox)
    first, second = tmp_path / "one", tmp_path / "two"
    pin = done("sign", board.draft(), "--out", first, *board.with_key())
    text = draft_text(sandbox, board.public, version=2).replace("declared = 1050", "declared = 2000")
    following = ("sign", board.draft(text, version=2), "--out", second, *board.with_key())
    newest = done(*following, "--previous", first, "--pin", pin)
    covenant = covenants.verify(second.read_bytes(), bytes.fromhex(pin), NOW)
    assert (covenant.version, covenant.hash.hex(), covenant.quota("school", "bsn").daily) == (2, newest, 20)
    assert done("hash", second).split() == [pin, newest]

    alone = run(*following[:2], "--out", tmp_path / "three", *board.with_key())
    assert alone.returncode == 1
    assert "--previous" in alone.stderr


def test_new_keys_need_more_than_the_board(tmp_path: Path, sandbox: Sandbox) -> None:
    board = Board(tmp_path, sandbox)
    pin = done("sign", board.draft(), "--out", tmp_path / "one", *board.with_key())
    other = make_covenant(members={"school": "education"})
    following = board.draft(draft_text(other, board.public, version=2), version=2)
    previous = ("--previous", tmp_path / "one", "--pin", pin)
    refused = run("sign", following, "--out", tmp_path / "two", *board.with_key(), *previous)
    assert refused.returncode == 1
    assert "key holders' signatures" in refused.stderr


WRONG = {
    "unknown key": ('id = "zeeland"', 'id = "zeeland"\nextra = 1', "extra is unknown"),
    "unknown key deep": ("declared = 1050", "declared = 1050\nweekly = 3", "member[0].quota.bsn.weekly is unknown"),
    "unknown rule": ("[index]", "[rules]\nretention = 3\n[index]", "rules.retention is unknown"),
    "missing": ('uri = "urn:example:sandbox"\n', "", "legal_basis.uri is missing"),
    "true for a number": ("version = 1", "version = true", "version must be a whole number"),
    "negative": ("declared = 1050", "declared = -1", "declared must lie between 0 and"),
    "no offset": ("valid_from = 2024-01-01T00:00:00Z", "valid_from = 2024-01-01T00:00:00", "must name its offset"),
    "no key": ('signing_key = "', 'signing_key = "00', "signing_key must be a key"),
    "no log key": ("log_key = ", "key = ", "index.log_key is missing"),
    "log key in capitals": ('log_key = "', 'log_key = "A', "index.log_key must be a key: 64 hexadecimal digits"),
    "no key of a key holder": (
        "share_number = 2\nsigning_key",
        "share_number = 2\nkey",
        "[1].signing_key is missing",
    ),
    "no key of a witness": ('name = "The witness-1"\nkey', 'name = "The witness-1"\nlog', "witness[0].key is missing"),
    "witness's id": ('id = "witness-1"', 'id = "Witness"', "an id holds"),
    "nameless witness": ('name = "The witness-1"', 'name = " "', "witness witness-1 needs a name"),
    "more witnesses demanded than there are": ("witness_threshold = 0", "witness_threshold = 2", "between 0 and 1"),
    "unknown key of a witness": ("[[witness]]", "[[witness]]\nurl = 'x'", "witness[0].url is unknown"),
    "share number": ('\n1 = "', '\n01 = "', "is no share number"),
    "unknown kind": ('kind = "education"', 'kind = "library"', "unknown kind"),
    "unknown namespace": ("[member.quota.bsn]", "[member.quota.name]", "unknown namespace"),
    "id": ('id = "school"', 'id = "School"', "an id holds"),
    "retention": ("[index]", "[rules]\nretention_months = 25\n[index]", "retention_months is 25"),
    "no certificate": ('"ca.pem"', '"other.pem"', "can't read"),
    "not TOML": ("[board]", "[board", "is not TOML"),
}


@pytest.mark.parametrize(("old", "new", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_draft_is_refused_with_the_place(tmp_path: Path, sandbox: Sandbox, old: str, new: str, said: str) -> None:
    (tmp_path / "ca.pem").write_bytes(sandbox.authority.certificate_pem)
    path = tmp_path / "draft.toml"
    text = draft_text(sandbox, [public_key(sandbox.board[0]).hex()])
    path.write_text(text)
    judged_alone(draft.read(path))
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises((Malformed, Refused), match=re.escape(said)):
        judged_alone(draft.read(path))


def test_check_tells_what_is_wrong_and_exits_1(tmp_path: Path, sandbox: Sandbox) -> None:
    board = Board(tmp_path, sandbox)
    assert run("check", board.draft()).returncode == 0
    refused = run("check", board.draft(draft_text(sandbox, board.public) + "[extra]"))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"raakvlak-covenant: {tmp_path / 'draft-1.toml'}: extra is unknown")


def test_a_signed_file_is_never_overwritten(tmp_path: Path, sandbox: Sandbox) -> None:
    board = Board(tmp_path, sandbox)
    done("sign", board.draft(), "--out", tmp_path / "c", *board.with_key())
    before = (tmp_path / "c").read_bytes()
    assert run("sign", board.draft(), "--out", tmp_path / "c", *board.with_key()).returncode == 1
    assert run("board-key", board.keys[0], "--key-file", board.key_file).returncode == 1
    assert (tmp_path / "c").read_bytes() == before


def test_a_board_key_is_never_in_the_clear(tmp_path: Path, sandbox: Sandbox) -> None:
    board = Board(tmp_path, sandbox)
    seed = board_key(board.keys[0], KeyFile(board.key_file)).reveal()
    for path in tmp_path.rglob("*"):
        content = path.read_bytes()
        assert seed not in content
        assert seed.hex().encode() not in content
