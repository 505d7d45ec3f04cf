"""The tables of the node's store, and how an older store becomes a newer one.

What identifies a person, and whatever a person has written, lies sealed; names of columns, counts and how rows hang
together lie open, so that the database can do the selecting.
"""

from sqlite_utils import Database, Migrations

migrations = Migrations("raakvlak_node")


@migrations()
def first(database: Database) -> None:
    """Cases and persons, tokens and the batches that make them, matches and letters."""
    for statement in _SCHEMA.split(";"):
        if statement.strip():
            database.execute(statement)


@migrations()
def ledger(database: Database) -> None:
    """What has left: a chain of hashes, and beside each the sealed message, until it is forgotten."""
    database.execute(
        "CREATE TABLE ledger (number INTEGER PRIMARY KEY, hash BLOB NOT NULL, commitment BLOB NOT NULL, sent INTEGER,"
        " person BLOB, sealed BLOB) STRICT"
    )
    database.execute("CREATE INDEX ledger_of_person ON ledger (person) WHERE person IS NOT NULL")
    database.execute("CREATE INDEX ledger_by_time ON ledger (sent) WHERE sent IS NOT NULL")


@migrations()
def proofs(database: Database) -> None:
    """What the index has promised about its log, and which own rows are not yet proven to stand there."""
    for statement in _PROOFS.split(";"):
        if statement.strip():
            database.execute(statement)


@migrations()
def canaries(database: Database) -> None:
    """Test persons that an officer had this node publish; `ends` and `added` are Unix seconds."""
    database.execute(
        "CREATE TABLE canary (person BLOB PRIMARY KEY, plan BLOB NOT NULL, ends INTEGER NOT NULL, added INTEGER NOT NULL)"
        " STRICT, WITHOUT ROWID"
    )


_PROOFS = """
ALTER TABLE token ADD COLUMN position INTEGER;
ALTER TABLE token ADD COLUMN unproven_since INTEGER;
UPDATE token SET unproven_since = CAST(strftime('%s', 'now') AS INTEGER) WHERE reference IS NOT NULL;
CREATE INDEX token_by_position ON token (position) WHERE position IS NOT NULL;
CREATE INDEX token_unproven ON token (unproven_since) WHERE unproven_since IS NOT NULL;
CREATE TABLE receipt (
    sequence INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, request_hash BLOB NOT NULL, first_position INTEGER NOT NULL,
    count INTEGER NOT NULL, entries_hash BLOB NOT NULL, signature BLOB NOT NULL, removal_month INTEGER,
    received INTEGER NOT NULL, kept INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE alarm (
    id INTEGER PRIMARY KEY, raised INTEGER NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL, file TEXT NOT NULL,
    ended INTEGER, because TEXT
) STRICT;
"""

_SCHEMA = """
CREATE TABLE own_case (
    handle BLOB PRIMARY KEY, sealed BLOB NOT NULL, fingerprint BLOB NOT NULL, withheld INTEGER NOT NULL,
    changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE person (
    handle BLOB PRIMARY KEY, namespace TEXT NOT NULL, sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE involvement (
    person BLOB NOT NULL, own_case BLOB NOT NULL, relation TEXT NOT NULL, place INTEGER NOT NULL,
    publish INTEGER NOT NULL, PRIMARY KEY (person, own_case, relation)
) STRICT, WITHOUT ROWID;
CREATE INDEX involvement_of_case ON involvement (own_case);
CREATE TABLE token (
    person BLOB NOT NULL, epoch INTEGER NOT NULL, sealed BLOB NOT NULL, not_before INTEGER NOT NULL,
    reference BLOB, removal_month INTEGER, PRIMARY KEY (person, epoch)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX token_by_reference ON token (reference) WHERE reference IS NOT NULL;
CREATE TABLE batch (
    id INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL, epoch INTEGER NOT NULL,
    persons BLOB NOT NULL, blinds BLOB NOT NULL, asked TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE waiting (person BLOB NOT NULL, epoch INTEGER NOT NULL, batch INTEGER NOT NULL, PRIMARY KEY (person, epoch))
    STRICT, WITHOUT ROWID;
CREATE TABLE in_flight (
    only INTEGER PRIMARY KEY CHECK (only = 1), kind TEXT NOT NULL, epoch INTEGER NOT NULL, generation INTEGER NOT NULL,
    sequence INTEGER NOT NULL, request_hash BLOB NOT NULL, items BLOB NOT NULL
) STRICT;
CREATE TABLE match (
    match_id BLOB PRIMARY KEY, person BLOB, epoch INTEGER NOT NULL, other TEXT NOT NULL, live INTEGER NOT NULL,
    began INTEGER NOT NULL, changed INTEGER NOT NULL, due INTEGER NOT NULL,
    ask_again INTEGER NOT NULL DEFAULT 0, own_number INTEGER NOT NULL DEFAULT 0, own_hash BLOB, own_proof BLOB, own_card BLOB,
    their_number INTEGER NOT NULL DEFAULT 0, their_hash BLOB, their_proof BLOB, their_card BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX match_of_person ON match (person);
CREATE INDEX match_due ON match (due) WHERE due = 1;
CREATE TABLE letter (
    match_id BLOB NOT NULL, number INTEGER NOT NULL, ciphertext BLOB NOT NULL, written INTEGER NOT NULL,
    PRIMARY KEY (match_id, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE early_letter (
    match_id BLOB NOT NULL, number INTEGER NOT NULL, ciphertext BLOB NOT NULL, PRIMARY KEY (match_id, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE put_aside (
    id INTEGER PRIMARY KEY, match_id BLOB NOT NULL, sender TEXT NOT NULL, ciphertext BLOB NOT NULL,
    received INTEGER NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE TABLE access_token (name TEXT PRIMARY KEY, hash BLOB NOT NULL, created INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE remark (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""


@migrations()
def pairs(database: Database) -> None:
    """The follow-up of each pair of cases: its records, what of them is still to be written to whom, and in which match."""
    for statement in _PAIRS:
        database.execute(statement)


_PAIRS = (
    # own_case is NULL at a coordinator; phase and due are what was found when the pair was last looked at.
    """CREATE TABLE pair (
        handle BLOB PRIMARY KEY, own_case BLOB, sealed BLOB NOT NULL, match_kind TEXT NOT NULL, began INTEGER NOT NULL,
        ended INTEGER, expired INTEGER NOT NULL DEFAULT 0, released INTEGER NOT NULL DEFAULT 0, changed INTEGER NOT NULL,
        phase TEXT NOT NULL DEFAULT '', due_term TEXT NOT NULL DEFAULT '', due_on TEXT NOT NULL DEFAULT '',
        reminded TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX pair_of_case ON pair (own_case)",
    "CREATE INDEX pair_by_change ON pair (changed)",
    """CREATE TABLE record (
        pair BLOB NOT NULL, id BLOB NOT NULL, kind INTEGER NOT NULL, sealed BLOB NOT NULL, changed INTEGER NOT NULL,
        PRIMARY KEY (pair, id)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE unsent (
        pair BLOB NOT NULL, party TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (pair, party, record)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE link (
        pair BLOB NOT NULL, party TEXT NOT NULL, match_id BLOB NOT NULL, told BLOB NOT NULL, PRIMARY KEY (pair, party)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE carry (pair BLOB NOT NULL, match_id BLOB NOT NULL, PRIMARY KEY (pair, match_id)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX carried_by ON carry (match_id)",
    # Whatever ends a case or a pair ends all that hangs on it, in the same transaction.
    """CREATE TRIGGER case_gone AFTER DELETE ON own_case BEGIN
        DELETE FROM pair WHERE own_case = OLD.handle;
    END""",
    """CREATE TRIGGER pair_gone AFTER DELETE ON pair BEGIN
        DELETE FROM record WHERE pair = OLD.handle;
        DELETE FROM unsent WHERE pair = OLD.handle;
        DELETE FROM link WHERE pair = OLD.handle;
        DELETE FROM carry WHERE pair = OLD.handle;
        DELETE FROM desk_contact WHERE pair = OLD.handle;
    END""",
    # A coordinator: matches that are before it. References are empty where that side can't be asked.
    """CREATE TABLE mediation (
        match_id BLOB PRIMARY KEY, one TEXT NOT NULL, other TEXT NOT NULL, one_reference BLOB NOT NULL,
        other_reference BLOB NOT NULL, epoch INTEGER NOT NULL, direct INTEGER NOT NULL, live INTEGER NOT NULL,
        began INTEGER NOT NULL, changed INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    # A side: what a coordinator has asked, and at the coordinator what it asked and was answered.
    """CREATE TABLE ask (
        match_id BLOB NOT NULL, party TEXT NOT NULL, person BLOB, epoch INTEGER NOT NULL, sealed BLOB NOT NULL,
        asked INTEGER NOT NULL, answered INTEGER, released INTEGER, answer BLOB, PRIMARY KEY (match_id, party)
    ) STRICT, WITHOUT ROWID""",
    # A coordinator: whom it can call, as each side tells.
    """CREATE TABLE desk_contact (pair BLOB NOT NULL, party TEXT NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (pair, party))
        STRICT, WITHOUT ROWID""",
    # Letters under one lock: a chain in each direction, and what waits for being written.
    """CREATE TABLE desk (
        match_id BLOB NOT NULL, party TEXT NOT NULL, own_number INTEGER NOT NULL DEFAULT 0, own_hash BLOB,
        their_number INTEGER NOT NULL DEFAULT 0, their_hash BLOB, PRIMARY KEY (match_id, party)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE desk_content (id INTEGER PRIMARY KEY, match_id BLOB NOT NULL, party TEXT NOT NULL, sealed BLOB NOT NULL)
        STRICT""",
    "ALTER TABLE letter RENAME TO letter_to_other_side",
    """CREATE TABLE letter (
        match_id BLOB NOT NULL, party TEXT NOT NULL, number INTEGER NOT NULL, ciphertext BLOB NOT NULL,
        written INTEGER NOT NULL, PRIMARY KEY (match_id, party, number)
    ) STRICT, WITHOUT ROWID""",
    "INSERT INTO letter SELECT match_id, '', number, ciphertext, written FROM letter_to_other_side",
    "DROP TABLE letter_to_other_side",
)


@migrations()
def accounts(database: Database) -> None:
    """Who saw and did what; how the follow-up went, in numbers; and what is still to be told to the case system."""
    for statement in _ACCOUNTS:
        database.execute(statement)


_ACCOUNTS = (
    "CREATE TABLE access_log (number INTEGER PRIMARY KEY, hash BLOB NOT NULL, moment INTEGER NOT NULL, own_case BLOB,"
    " sealed BLOB NOT NULL) STRICT",
    "CREATE INDEX access_of_case ON access_log (own_case) WHERE own_case IS NOT NULL",
    "CREATE TABLE access_person (number INTEGER NOT NULL, person BLOB NOT NULL, PRIMARY KEY (number, person))"
    " STRICT, WITHOUT ROWID",
    "CREATE INDEX access_of_person ON access_person (person)",
    # Append-only: no line is changed, put in another's place, or deleted before the newest one is five years younger.
    """CREATE TRIGGER access_appended BEFORE INSERT ON access_log
        WHEN NEW.number <> coalesce((SELECT max(number) FROM access_log), 0) + 1 BEGIN
        SELECT RAISE(ABORT, 'a line of the access log is added behind the last one');
    END""",
    """CREATE TRIGGER access_unchanged BEFORE UPDATE ON access_log BEGIN
        SELECT RAISE(ABORT, 'the access log is append-only');
    END""",
    """CREATE TRIGGER access_kept BEFORE DELETE ON access_log
        WHEN OLD.moment >= (SELECT moment FROM access_log ORDER BY number DESC LIMIT 1) - 157852800 BEGIN
        SELECT RAISE(ABORT, 'a line of the access log is kept for five years');
    END""",
    """CREATE TRIGGER access_person_unchanged BEFORE UPDATE ON access_person BEGIN
        SELECT RAISE(ABORT, 'the access log is append-only');
    END""",
    """CREATE TRIGGER access_person_kept BEFORE DELETE ON access_person
        WHEN EXISTS (SELECT 1 FROM access_log WHERE number = OLD.number) BEGIN
        SELECT RAISE(ABORT, 'a line of the access log is kept for five years');
    END""",
    # Counts alone; which pair stands behind them is known as long as the pair is, so that none is counted twice.
    """CREATE TABLE outcome (
        month TEXT NOT NULL, other_kind TEXT NOT NULL, match_kind TEXT NOT NULL, milestone TEXT NOT NULL,
        count INTEGER NOT NULL, PRIMARY KEY (month, other_kind, match_kind, milestone)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE outcome_mark (
        pair BLOB NOT NULL, mark TEXT NOT NULL, milestone TEXT NOT NULL, match_kind TEXT NOT NULL, PRIMARY KEY (pair, mark)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TRIGGER pair_uncounted AFTER DELETE ON pair BEGIN
        DELETE FROM outcome_mark WHERE pair = OLD.handle;
    END""",
    "CREATE TABLE webhook (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, sealed BLOB NOT NULL,"
    " queued INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT",
    "CREATE INDEX webhook_due ON webhook (due)",
)


@migrations()
def terms(database: Database) -> None:
    """How long and how visibly an own case stands: its own term, releases, objections, and the archive."""
    for statement in _TERMS:
        database.execute(statement)


_TERMS = (
    # Months since 2000-01. Of a case from before: the term that its client was given, or two years from its last change.
    "ALTER TABLE own_case ADD COLUMN lapses INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE own_case ADD COLUMN reminded INTEGER NOT NULL DEFAULT 0",
    """UPDATE own_case SET lapses = coalesce(
        (SELECT min(removal_month) FROM token JOIN involvement USING (person)
            WHERE relation = 'client' AND involvement.own_case = own_case.handle),
        (strftime('%Y', changed, 'unixepoch') - 2000) * 12 + strftime('%m', changed, 'unixepoch') - 1 + 24)""",
    "CREATE INDEX own_case_by_term ON own_case (lapses)",
    # `publish` is 0 or the visibility; `until` the month in which the case's term is over, or the test person's.
    "ALTER TABLE involvement ADD COLUMN until INTEGER NOT NULL DEFAULT 0",
    """UPDATE involvement SET until = coalesce(
        (SELECT lapses FROM own_case WHERE handle = involvement.own_case),
        (SELECT max(removal_month) FROM token WHERE token.person = involvement.person), 65535)""",
    # With which visibility the row stands at the index; 0 where there is none.
    "ALTER TABLE token ADD COLUMN visibility INTEGER NOT NULL DEFAULT 0",
    "UPDATE token SET visibility = 1 WHERE reference IS NOT NULL",
    "ALTER TABLE in_flight ADD COLUMN visibility INTEGER NOT NULL DEFAULT 1",
    "CREATE TABLE release (own_case BLOB PRIMARY KEY, began INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TRIGGER released_case_gone AFTER DELETE ON own_case BEGIN
        DELETE FROM release WHERE own_case = OLD.handle;
    END""",
    # Outlives the person's row and every case: it is what keeps the person from being published again.
    """CREATE TABLE objection (
        id BLOB PRIMARY KEY, person BLOB NOT NULL, kind TEXT NOT NULL, received TEXT NOT NULL, because BLOB NOT NULL,
        decided TEXT, upheld INTEGER, decision BLOB
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX objection_of_person ON objection (person)",
    "CREATE TABLE archive (id BLOB PRIMARY KEY, until INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID",
    # Every case is judged anew at the next walk.
    "DELETE FROM remark WHERE name = 'rules'",
)


@migrations()
def looks(database: Database) -> None:
    """On which day, under which covenant, the terms of a pair were last looked at, so that a walk need not unseal them all."""
    database.execute("ALTER TABLE pair ADD COLUMN looked TEXT NOT NULL DEFAULT ''")


@migrations()
def findable(database: Database) -> None:
    """Whose a case is, and by which pieces of its reference it is found; NULL until the store has looked."""
    database.execute("ALTER TABLE own_case ADD COLUMN worker BLOB")
    database.execute("CREATE INDEX own_case_of_worker ON own_case (worker, changed)")
    database.execute(
        "CREATE TABLE case_word (word BLOB NOT NULL, own_case BLOB NOT NULL, PRIMARY KEY (word, own_case))"
        " STRICT, WITHOUT ROWID"
    )
    database.execute("CREATE INDEX word_of_case ON case_word (own_case)")
    database.execute("""CREATE TRIGGER found_case_gone AFTER DELETE ON own_case BEGIN
        DELETE FROM case_word WHERE own_case = OLD.handle;
    END""")


@migrations()
def people(database: Database) -> None:
    """Who uses the pages: users with their roles and teams, what they sign in with, their sessions, and what was tried."""
    for statement in _PEOPLE:
        database.execute(statement)


_PEOPLE = (
    # `handle` is of the e-mail address, `subject` of what the organisation's own sign-in calls the user.
    """CREATE TABLE user (
        id BLOB PRIMARY KEY, handle BLOB NOT NULL UNIQUE, subject BLOB UNIQUE, sealed BLOB NOT NULL, active INTEGER NOT NULL,
        changed INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE user_role (user BLOB NOT NULL, role TEXT NOT NULL, PRIMARY KEY (user, role)) STRICT, WITHOUT ROWID",
    "CREATE TABLE team (id BLOB PRIMARY KEY, sealed BLOB NOT NULL, changed INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE user_team (user BLOB NOT NULL, team BLOB NOT NULL, PRIMARY KEY (user, team)) STRICT, WITHOUT ROWID",
    "CREATE INDEX user_of_team ON user_team (team)",
    """CREATE TRIGGER team_gone AFTER DELETE ON team BEGIN
        DELETE FROM user_team WHERE team = OLD.id;
    END""",
    "CREATE TABLE password (user BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID",
    # `step` is the last one whose code was taken: none before it, nor itself, is taken again.
    "CREATE TABLE totp (user BLOB PRIMARY KEY, sealed BLOB NOT NULL, step INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE recovery_code (user BLOB NOT NULL, code BLOB NOT NULL, PRIMARY KEY (user, code)) STRICT, WITHOUT ROWID",
    """CREATE TABLE passkey (
        handle BLOB PRIMARY KEY, user BLOB NOT NULL, sealed BLOB NOT NULL, sign_count INTEGER NOT NULL, added INTEGER NOT NULL,
        used INTEGER
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX passkey_of_user ON passkey (user)",
    # Keyed handles of tokens and challenges; the tokens themselves are with the browser alone.
    """CREATE TABLE session (
        handle BLOB PRIMARY KEY, user BLOB NOT NULL, how TEXT NOT NULL, began INTEGER NOT NULL, seen INTEGER NOT NULL,
        confirmed INTEGER NOT NULL, notice BLOB
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX session_of_user ON session (user)",
    "CREATE TABLE ticket (handle BLOB PRIMARY KEY, purpose TEXT NOT NULL, user BLOB NOT NULL, sealed BLOB NOT NULL,"
    " ends INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE spent (handle BLOB PRIMARY KEY, ends INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE attempt (bucket BLOB PRIMARY KEY, count INTEGER NOT NULL, last INTEGER NOT NULL, free INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID",
    "CREATE INDEX attempt_by_time ON attempt (last)",
)


@migrations()
def notices(database: Database) -> None:
    """What is still to be told by e-mail: of which case, then to whom; and how each user wants to hear of it."""
    for statement in _NOTICES:
        database.execute(statement)


_NOTICES = (
    # One line for each thing that is new of a case, however often it came; Unix seconds.
    """CREATE TABLE notice (
        number INTEGER PRIMARY KEY AUTOINCREMENT, own_case BLOB NOT NULL, kind TEXT NOT NULL, queued INTEGER NOT NULL,
        due INTEGER NOT NULL, UNIQUE (own_case, kind)
    ) STRICT""",
    "CREATE INDEX notice_due ON notice (due)",
    """CREATE TRIGGER noticed_case_gone AFTER DELETE ON own_case BEGIN
        DELETE FROM notice WHERE own_case = OLD.handle;
    END""",
    # Composed, with its address and in the bytes that are sent in each attempt; all of it sealed.
    """CREATE TABLE mail (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, sealed BLOB NOT NULL, queued INTEGER NOT NULL,
        due INTEGER NOT NULL, attempts INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX mail_due ON mail (due)",
    "CREATE TABLE notice_preference (user TEXT PRIMARY KEY, how TEXT NOT NULL) STRICT, WITHOUT ROWID",
    # When there was last a mail to an address, by its keyed handle.
    "CREATE TABLE mailed (address BLOB PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID",
)


@migrations()
def turns(database: Database) -> None:
    """What a follow-up asks of people here, so that a list of it need not fold them all; every pair is looked at again."""
    for statement in _TURNS:
        database.execute(statement)


_TURNS = (
    "ALTER TABLE pair ADD COLUMN turn TEXT NOT NULL DEFAULT ''",
    "UPDATE pair SET looked = ''",
    # All that a list of work reads of a pair.
    "CREATE INDEX work_of_case ON pair (own_case, turn, phase, due_term, due_on, began, ended) WHERE ended IS NULL",
    "CREATE INDEX own_case_term_of_worker ON own_case (worker, lapses)",
)


@migrations()
def imports(database: Database) -> None:
    """Caseload files that were sent in by the pages, until they are imported or given up; `changed` in Unix seconds."""
    database.execute(
        "CREATE TABLE import_job (id BLOB PRIMARY KEY, state TEXT NOT NULL, changed INTEGER NOT NULL, sealed BLOB NOT NULL)"
        " STRICT, WITHOUT ROWID"
    )


@migrations()
def walks(database: Database) -> None:
    """What a walk looks for each time, and seldom finds; and what is counted for pages."""
    database.execute("CREATE INDEX token_by_month ON token (removal_month) WHERE removal_month IS NOT NULL")
    database.execute("CREATE INDEX match_to_forget ON match (live, person)")
    database.execute("CREATE INDEX own_case_by_withheld ON own_case (withheld)")
