"""`python -m raakvlak_node.pages.roles_page` prints docs/roles.md: the table by which pages are opened, as people read it."""

from raakvlak_node.pages.rights import RIGHTS
from raakvlak_node.people.user import Role

HEAD = """\
# Who may open which page, and do what on it

Made from the table that the program itself goes by (`node/raakvlak_node/pages/rights.py`; `make roles`). GET shows, POST
does. What a case worker or team lead may do holds for the own cases and those of the own teams; a coordinator's for what is
before it. Everything else answers that it is not there. A refused request stands in the access log.
"""


def page() -> str:
    """The document."""
    names = [str(role).replace("-", " ") for role in Role]
    lines = [HEAD, f"| page or act | not signed in | {' | '.join(names)} |", f"|---|{':-:|' * (len(names) + 1)}"]
    for (method, path), roles in RIGHTS.items():
        marks = ["yes" if roles is None else "", *("yes" if roles is None or role in roles else "" for role in Role)]
        lines.append(f"| {method} `{path}` | {' | '.join(marks)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
