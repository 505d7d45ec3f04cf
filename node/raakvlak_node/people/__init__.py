"""Who uses the pages of this node: users, their roles and teams, by what they sign in, and their sessions. Nothing here
knows of HTTP."""

from raakvlak_node.people.sessions import Session as Session
from raakvlak_node.people.sessions import Sessions as Sessions
from raakvlak_node.people.staff import People as People
from raakvlak_node.people.user import LastAdministrator as LastAdministrator
from raakvlak_node.people.user import Overtaken as Overtaken
from raakvlak_node.people.user import Role as Role
from raakvlak_node.people.user import Team as Team
from raakvlak_node.people.user import User as User
