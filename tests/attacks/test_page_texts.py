"""Texts that want to be more than text: in every field of every form, and in what another organisation has written. On a
page, in a mail and in a file for a spreadsheet they are letters."""

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest

from raakvlak_node.access import AccessLog
from raakvlak_node.case import COLUMNS
from raakvlak_node.mailing import deliver
from raakvlak_node.notice_text import Kind
from raakvlak_node.notices import SETTLE_SECONDS, Notices
from raakvlak_node.outbox import Outbox
from raakvlak_node.pages.rights import RIGHTS
from raakvlak_node.people import People, Role
from raakvlak_node.settings import Mail
from raakvlak_protocol import follow_up_content
from raakvlak_protocol.v1 import letter_pb2 as pb
from tests.attacks.test_hostile_letters import acts, follow_up, write
from tests.federation import case, federation
from tests.node import rows
from tests.node.conftest import clock, node, node_of  # noqa: F401 fixtures
from tests.node.post import post
from tests.pages.filled import COORDINATOR, SCHOOL, Filled, allowed, filled
from tests.pages.site import ADMIN, FormFields, Site
from tests.pages.story import ILSE, step

pytestmark = pytest.mark.slow

MARK: Final = "rvx"
"""In each payload: no element, attribute, script or comment may have it."""
PAYLOADS: Final = {
    "script": "<script>rvx()</script>",
    "out of an attribute": '"><img src=rvx onerror=rvx()><rvx rvx=1>',
    "into an attribute": "x' onfocus=rvx() rvx=1 autofocus",
    "out of a field": "</textarea></title></select></script></style><svg/onload=rvx()><rvx/><!-- rvx --><![CDATA[rvx]]><?rvx?>",
    "template": "{{7*7}}rvx{% raise rvx %}${7*7}#{7*7}<%=7*7%>rvx%(rvx)s%s%d{0}{rvx} &lt;rvx&gt;&#60;rvx&#62;&quot;rvx",
    "address": "javascript:rvx()",
    "formula": '=HYPERLINK("rvx";"rvx")',
    "letters": "rvx\U0001f469\u200d\U0001f467\ufe0f\u200b\ufeff\u00ad rv\u0445 rv\u217d" + "\u0301" * 60,
    "other way round": "\u202erxv\u2066rvx\u200f \x07\x1b[31m\x08",
    "long": "rvx" * 600,
}


class Seen(HTMLParser):
    """What of a payload became more than text."""

    SHOWN: Final = frozenset({"value", "title", "aria-label", "data-label", "alt"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self._raw = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._raw = tag if tag in {"script", "style"} else ""
        if MARK in tag:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            if MARK in name or name.startswith("on") or name == "autofocus":
                self.wrong.append(f"{tag} {name}")
            if MARK in (value or "") and name not in self.SHOWN and not _leads_to_it(name, value or ""):
                self.wrong.append(f"{tag} {name}={value}")

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        self._raw = ""
        if MARK in tag:
            self.wrong.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._raw and MARK in data:
            self.wrong.append(self._raw)
        if "49rvx" in data or "49#" in data:
            self.wrong.append("computed")

    def handle_comment(self, data: str) -> None:
        if MARK in data:
            self.wrong.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.handle_comment(decl)

    def handle_pi(self, data: str) -> None:
        self.handle_comment(data)

    def unknown_decl(self, data: str) -> None:
        self.handle_comment(data)


def _leads_to_it(name: str, value: str) -> bool:
    """A search that is kept in a link to the next page, as a query."""
    return name in {"href", "hx-get"} and re.fullmatch(r"/[a-z/]+\?[A-Za-z0-9%&=+._~;-]*", value) is not None


def test_what_looks_for_that_finds_it() -> None:
    for html in (
        "<p><rvx>", "<p rvx>", "<a href='javascript:rvx()'>", "<script>rvx</script>", "<!-- rvx -->", "<p>49rvx",
        "<img src=rvx>", "<p onx=1>", "<?rvx>", "</rvx>",
    ):  # fmt: skip
        assert Seen(html).wrong, html
    assert Seen("<p title='rvx'>&lt;rvx&gt;").wrong == []


class Fields(HTMLParser):
    """The forms of a page with the names of the fields into which somebody may type."""

    TYPED: Final = frozenset({"text", "search", "email", "tel", "url", "password", "date", "number", "month"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, str, FormFields, list[str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given.get("method", "get").lower(), given.get("action", ""), {}, []))
        name = given.get("name", "")
        if not self.forms or not name:
            return
        _, _, fields, typed = self.forms[-1]
        if tag == "textarea" or (tag == "input" and given.get("type", "text") in self.TYPED):
            typed.append(name)
        elif tag == "input" and given.get("type") in {"hidden", "radio"}:
            fields.setdefault(name, [given.get("value", "")])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with filled(tmp_path_factory.mktemp("texts")) as made:
        yield made


WITH_FORMS: Final = [act for act in RIGHTS if act[0] == "GET" and "static" not in act[1] and not act[1].endswith(".csv")]


def inert(page: str, why: object) -> None:
    assert Seen(page).wrong == [], why


@pytest.mark.parametrize("act", WITH_FORMS, ids=" ".join)
def test_a_field_shows_what_was_typed_as_it_was_typed(house: Filled, act: tuple[str, str]) -> None:
    """Every field of every form of every page, all at once, with each payload; whatever becomes of the form."""
    member = COORDINATOR if act[1].startswith("/desk") else SCHOOL
    roles = RIGHTS[act]
    name = "nobody" if roles is None else str(roles[0])
    path = house.path(member, act[1])
    for why, payload in PAYLOADS.items():
        visitor = house.visit(member, name)
        visitor.open(path)
        for method, action, fields, typed in Fields(visitor.page).forms:
            if action in {"/sign-out", "/language"} or not typed:
                continue
            given = fields | {each: [payload] for each in typed}
            if method == "post":
                answer = visitor.post(action or path, given)
            else:
                answer = visitor.client.get(action or path, params={each: values[0] for each, values in given.items()})
            assert answer.status_code < 500, (why, action, answer.status_code)
            assert MARK not in answer.headers.get("location", ""), (why, action)
            inert(answer.text, (why, action))
            if answer.is_redirect:
                inert(visitor.open(answer.headers["location"]).text, (why, action, "then"))


ASKED: Final = ("q", "of", "show", "older", "newer", "who", "case", "event", "kind", "refused", "first", "last", "back")


@pytest.mark.parametrize("act", [act for act in WITH_FORMS if "{" not in act[1]], ids=" ".join)
def test_what_is_asked_for_in_an_address_is_shown_as_text(house: Filled, act: tuple[str, str]) -> None:
    roles = RIGHTS[act]
    visitor = house.visit(SCHOOL, "nobody" if roles is None else str(roles[0]))
    for why, payload in PAYLOADS.items():
        for names in (ASKED, ("after",), ("before",)):
            answer = visitor.client.get(act[1], params=dict.fromkeys(names, payload))
            assert answer.status_code < 500, why
            inert(answer.text, why)


# --- what was stored, and what others have written --------------------------------------------------------------------

EVIL: Final = "\"><rvx rvx=1 onx=rvx()>'<script>rvx()</script>{{7*7}}rvx{% rvx %}%(rvx)s\u200b"
EVIL_REFERENCE: Final = '=1+"><rvx rvx=1>'


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Both organisations have called everything so, and told each other."""
    with filled(tmp_path_factory.mktemp("evil")) as made:
        story, site = made.story, made.site(SCHOOL)
        for each in site.people.users():
            site.people.change_user(each.id, each.changed, name=EVIL, actor=ADMIN, now=site.node.clock())
        site.people.add_team(EVIL, "", ADMIN, site.node.clock())
        site.people.change_team(made.ids[SCHOOL]["team"], 1, EVIL + "2", "", ADMIN, site.node.clock())
        columns = {"worker_name": EVIL, "function": EVIL, "confidential": ""}
        story.put("school", "S-1", "123456782", story.ilse, **columns)
        story.put("youth-team", "J-1", "123456782", story.jan, **columns)
        story.put("school", EVIL_REFERENCE, rows.bsn(61), story.ilse, **columns)
        story.put("youth-team", EVIL_REFERENCE, rows.bsn(61), story.jan, **columns)
        story.settle()
        path = f"/follow-ups/{made.ids[SCHOOL]['follow_up']}"
        for member, user, kind, fields in (
            ("coordinator", story.kim, "decided", {"text": EVIL, "lead": "school"}),
            ("school", story.ilse, "contacted", {"text": EVIL, "day": story.today.isoformat()}),
            ("school", story.ilse, "disagreed", {"text": EVIL}),
        ):
            visitor = story.visit(member, user)
            own = path if member == SCHOOL else f"/follow-ups/{made.ids[COORDINATOR]['follow_up']}"
            visitor.go(own)
            visitor.done(step(visitor, own, kind, **fields))
            story.settle()
        visitor = story.visit("school", story.ilse)
        visitor.go(path)
        visitor.done(visitor.send(f"{path}/release", released="yes", release_because=EVIL))
        story.settle()
        yield made


def test_what_others_call_themselves_and_write_is_shown_as_text(evil: Filled) -> None:
    shown = 0
    for act in WITH_FORMS:
        for member, name in ((SCHOOL, str(role)) for role in Role):
            if RIGHTS[act] is None or not allowed(act, evil.users[member, name].roles) or act[1].startswith("/desk/matches"):
                continue
            answer = evil.ask(member, evil.visit(member, name), act)
            inert(answer.text, (member, act))
            shown += MARK in answer.text
    for path in (
        "/desk",
        "/desk?show=going-on",
        "/desk?show=alone",
        f"/follow-ups/{evil.ids[COORDINATOR]['follow_up']}",
        "/outcome",
    ):
        kim = evil.visit(COORDINATOR, str(Role.COORDINATOR))
        inert(kim.go(path), path)
        shown += MARK in kim.page
    jan = evil.story.visit("youth-team", evil.story.jan)
    for path in ("/today", "/cases", evil.story.picture("youth-team", "J-1"), evil.story.picture("youth-team", EVIL_REFERENCE)):
        inert(jan.go(path), path)
        assert MARK in jan.page, path
    assert shown > 20


def test_the_next_page_says_it_as_text_too(evil: Filled) -> None:
    """What is said once after an act, names included."""
    boss = evil.visit(SCHOOL, str(Role.ADMINISTRATOR))
    boss.go(f"/administration/people/{evil.ids[SCHOOL]['user']}")
    inert(boss.done(boss.send(boss.path, act="deactivate")), "deactivated")
    assert "rvx" in boss.text()
    ilse = evil.story.visit("school", evil.story.ilse)
    path = evil.story.picture("school", EVIL_REFERENCE)
    ilse.go(f"{path}/hand-over")
    inert(ilse.done(ilse.send(f"{path}/hand-over", name=EVIL, function=EVIL, phone="0118-000001", email="")), "handed over")
    assert "rvx" in ilse.text()


@pytest.mark.parametrize("text", ["\u202erxv", "a\x00b", "a\x1b[31m", "\u2066x\u2069", "\u200fx", "a\x85b", "\u2028"])
def test_what_turns_or_breaks_a_line_comes_in_by_no_letter(tmp_path: Path, text: str) -> None:
    with federation(tmp_path) as running:
        site = Site(running.nodes["school"])
        running.nodes["school"] = site.node
        site.node.put_case(case("S-1", "123456782", worker_email=ILSE, worker_phone=""))
        running.nodes["town"].put_case(case("T-1", "123456782", worker_phone="0118-000002"))
        running.settle()
        made = follow_up_content.FollowUp(follow_up(running, "town").known.pair, tuple(acts(running, 1)))
        content = pb.LetterContent.FromString(follow_up_content.encode(made))
        content.follow_up.texts.add(salt=bytes(16), text=text)
        write(running, content.SerializeToString())
        running.settle()
        assert site.node.store.letter_counts()["unreadable"] == 1
        visitor = site.visit(site.user(ILSE))
        assert text not in visitor.go(f"/follow-ups/{follow_up(running, 'school').known.id}")


# --- files and mails --------------------------------------------------------------------------------------------------

COMPUTED: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
FORMULAS: Final = (
    "=1+1",
    "+1",
    "-1",
    "@x",
    "\t=1",
    "\r=1",
    "\n=1",
    '=HYPERLINK("http://evil.example";"x")',
    "＝1",
    " =1",
    '"=1',
    ",=1",
    "|x",
)


def test_no_cell_of_a_file_is_computed(house: Filled) -> None:
    boss = house.visit(SCHOOL, str(Role.ADMINISTRATOR))
    boss.go("/import")
    given = [
        rows.row(place) | dict.fromkeys(COLUMNS, formula) | {"case_ref": formula} for place, formula in enumerate(FORMULAS)
    ]
    sent = boss.send("/import", files={"file": ('=1+"><rvx>.csv', rows.table(given), "text/csv")})
    assert sent.status_code == 303, boss.text()
    house.quiet(SCHOOL)
    inert(boss.go(sent.headers["location"]), "the preview")
    boss.send(sent.headers["location"], act="import")
    house.quiet(SCHOOL)
    inert(boss.go(sent.headers["location"]), "the result")
    inert(boss.go("/import"), "the list")
    answer = boss.client.get(f"{sent.headers['location']}/rejected.csv")
    cells = [cell for line in csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")) for cell in line]
    assert len(cells) > len(FORMULAS) * len(COLUMNS)
    assert [cell for cell in cells if cell.startswith(COMPUTED[:7])] == []
    assert "rvx" not in answer.headers["content-disposition"]
    lead = house.visit(SCHOOL, str(Role.TEAM_LEAD))
    outcome = lead.client.get("/outcome.csv").text
    assert [cell for line in csv.reader(io.StringIO(outcome, newline="")) for cell in line if cell.startswith(COMPUTED)] == []


def test_an_exported_log_is_one_line_for_each_line_and_verifies(evil: Filled) -> None:
    handle = evil.site(SCHOOL).node.store.case_handle(EVIL_REFERENCE)
    assert evil.visit(SCHOOL, str(Role.CASE_WORKER)).open(f"/cases/{handle.hex()}").status_code == 200
    officer = evil.visit(SCHOOL, str(Role.PRIVACY_OFFICER))
    answer = evil.ask(SCHOOL, officer, ("POST", "/privacy/log/export"))
    assert answer.headers["content-type"].startswith("application/jsonl")
    assert answer.headers["content-disposition"].startswith("attachment;")
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert any(EVIL_REFERENCE in str(each) for each in found)
    AccessLog(evil.site(SCHOOL).node.store).check()


def test_a_mail_holds_a_reference_as_plain_text_and_no_other_text(evil: Filled) -> None:
    own = evil.site(SCHOOL).node
    evil.story.put("school", EVIL_REFERENCE + "2", rows.bsn(62), evil.story.ilse)
    with post() as server:
        mail = Mail(f"127.0.0.1:{server.port}", "raakvlak@school.example", "none")
        notices, moment = Notices(own.store, mail), own.clock()
        for kind in Kind:
            notices.queue(own.store.case_handle(EVIL_REFERENCE + "2"), kind, moment)
            notices.queue(own.store.case_handle("S-1"), kind, moment)
        later = moment + timedelta(seconds=SETTLE_SECONDS + 1)
        notices.gather(People(own.store, os.urandom), "https://raakvlak.example/today", later)
        deliver(Outbox(own.store), mail, lambda: later, lambda: 1.0)
        assert server.got
        for got in server.got:
            message = got.message
            assert message.get_content_type() == "text/plain" and not message.is_multipart()
            assert message["Subject"] in {"Er is iets nieuws in Raakvlak", "There is something new in Raakvlak"}
            headers = got.raw.split(b"\r\n\r\n", 1)[0]
            assert b"rvx" not in headers and b"rvx" not in got.text.replace(EVIL_REFERENCE + "2", "").encode()
        assert any(EVIL_REFERENCE in got.text for got in server.got)
