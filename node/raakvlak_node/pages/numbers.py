"""A citizen service number in a form: read once, told nowhere, and kept out of every other field."""

from typing import Final

from raakvlak_node.notice_text import shown
from raakvlak_node.pages.forms import Form
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.party.look.words import Words

_TYPED: Final = str.maketrans("", "", " .")


def number_of(form: Form, name: str, words: Words) -> Bsn | None:
    """The number in a field, as people write it; None with a message beside the field where it is none."""
    typed = form.value(name).translate(_TYPED)
    if not typed:
        form.reject(name, words("Fill in the citizen service number."))
        return None
    try:
        return Bsn.parse(typed)
    except Malformed as error:
        form.reject(name, words.refusal(error.message))
        return None


def demand_no_number(form: Form, name: str, words: Words) -> None:
    """A message where a text that is kept holds what may be somebody's number."""
    if not shown(form.value(name)):
        form.reject(name, words("Leave the citizen service number out of this text: it is kept longer than the case."))


def kept(form: Form, words: Words, *names: str) -> Form:
    """The same form with these fields alone: whatever was typed as a number is never sent back."""
    made = Form({each: form.values(each) for each in names}, words)
    made.errors.update(form.errors)
    return made
