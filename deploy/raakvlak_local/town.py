"""A synthetic town: people, the families they form, and where they live. Nobody in it exists.

The numbers pass the 11-proof, so one may by chance be a living person's: never type one into a real system.
"""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from raakvlak_local.truth import Address

YEAR = 365.25  # days
_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2)
_ADDITIONS = ("A", "B", "C", "D", "A1", "A2", "B2", "BIS", "1", "2", "12", "2HOOG", "3HOOG", "RD")
_POSTCODE_LETTERS = "ABCDEGHJKLMNPRSTVWXZ"
_UNUSED_PAIRS = ("SA", "SD", "SS")


@dataclass(slots=True, eq=False, repr=False)
class Person:
    """Somebody with a BSN; `parents` are the legal ones, `school` is the zero-based number of theirs."""

    number: int
    born: date
    home: Address
    parents: list["Person"] = field(default_factory=list)
    children: list["Person"] = field(default_factory=list)
    school: int = 0

    def siblings(self) -> list["Person"]:
        """Everybody who shares at least one legal parent, so half-siblings too."""
        found = dict.fromkeys(child for parent in self.parents for child in parent.children)
        found.pop(self, None)
        return list(found)

    def age(self, today: date) -> int:
        """In whole years, exact to a day or so."""
        return int((today - self.born).days // YEAR)


@dataclass(slots=True, eq=False, repr=False)
class Family:
    """The people whom several organisations may know as one family.

    `children` of any age and of any two of `adults`, who may live apart; `kin` are the mother's parent and a young
    brother or sister of hers; `former` is an address where they no longer live.
    """

    children: list[Person]
    adults: list[Person]
    kin: list[Person]
    former: Address


class Town:
    """Draws people from `rng`; every person's number and every address is given out once.

    Children go to one of `schools` schools.
    """

    def __init__(self, rng: random.Random, today: date, schools: int) -> None:
        self.rng = rng
        self.today = today
        self._schools = schools
        self._numbers: set[int] = set()
        self._doors: set[Address] = set()

    def person(self, age: int, home: Address, parents: tuple[Person, ...] = (), school: int = 0) -> Person:
        """Somebody of about `age` years.

        Nobody's 23rd birthday is near today (a month back, three ahead): a population made today keeps its truth when
        it is run next week, in another time zone, or by a node that withdraws in the month before.
        """
        days = int(age * YEAR) + self.rng.randrange(2, 365)
        if -93 < days - 23 * YEAR < 32:
            days += 130
        person = Person(self._number(), self.today - timedelta(days=days), home, list(parents), school=school)
        for parent in parents:
            parent.children.append(person)
        return person

    def address(self) -> Address:
        """A front door that nobody has yet; every third one has an addition."""
        rng = self.rng
        while True:
            letters = rng.choice(_POSTCODE_LETTERS) + rng.choice(_POSTCODE_LETTERS)
            addition = rng.choice(_ADDITIONS) if rng.random() < 0.35 else ""
            door = Address(f"{rng.randrange(4300, 4700)}{letters}", int(rng.triangular(1, 400, 20)), addition)
            if letters not in _UNUSED_PAIRS and door not in self._doors:
                self._doors.add(door)
                return door

    def family(self) -> Family:
        """One to four children, parents together or apart, now and then new partners, a grandparent, an uncle."""
        rng = self.rng
        eldest = rng.randrange(26)
        mother = self.person(eldest + rng.randrange(17, 39), self.address())
        parents: tuple[Person, ...] = (mother,)
        if rng.random() < 0.9:
            apart = rng.random() < 0.4
            home = self.address() if apart else mother.home
            parents += (self.person(eldest + rng.randrange(18, 42), home),)
        school = rng.randrange(self._schools)
        children = [self._child(age, parents, school) for age in self._ages(eldest)]
        family = Family(children, list(parents), [], self.address())
        if parents[-1].home != mother.home and rng.random() < 0.4:
            self._new_partner(family, rng.choice(parents), school)
        if rng.random() < 0.12:
            self._kin(family, mother)
        return family

    def student(self, room: Address) -> Person:
        """Somebody who lives at `room`, with parents and perhaps a sister or brother elsewhere."""
        rng = self.rng
        home = self.address()
        parents = tuple(self.person(rng.randrange(43, 60), home) for _ in range(2))
        student = self.person(rng.randrange(18, 25), room, parents, rng.randrange(self._schools))
        if rng.random() < 0.5:
            self.person(rng.randrange(10, 25), home, parents)
        return student

    def _number(self) -> int:
        """A BSN nobody has; at most one zero in front, because that many a spreadsheet may lose."""
        while True:
            stem = self.rng.randrange(1_000_000, 100_000_000)
            check = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, f"{stem:08}", strict=True)) % 11
            number = stem * 10 + check
            if check < 10 and number not in self._numbers:
                self._numbers.add(number)
                return number

    def _ages(self, eldest: int) -> list[int]:
        count = self.rng.choices((1, 2, 3, 4), (35, 42, 17, 6))[0]
        ages = [eldest]
        while len(ages) < count and (age := ages[-1] - self.rng.randrange(5)) >= 0:
            ages.append(age)
        return ages

    def _child(self, age: int, parents: tuple[Person, ...], school: int) -> Person:
        """At home with one of the parents, mostly the mother; from 18 some live on their own."""
        rng = self.rng
        home = parents[-1 if rng.random() < 0.25 else 0].home
        if age >= 18 and rng.random() < 0.3:
            home = self.address()
        if rng.random() < 0.4:
            school = rng.randrange(self._schools)
        return self.person(age, home, parents, school)

    def _new_partner(self, family: Family, parent: Person, school: int) -> None:
        """Moves in with one of the parents: a half-sister or half-brother follows, or a child of an earlier love."""
        rng = self.rng
        partner = self.person(max(18, parent.age(self.today) + rng.randrange(-6, 7)), parent.home)
        family.adults.append(partner)
        youngest = min(child.age(self.today) for child in family.children)
        if youngest >= 3:
            age = rng.randrange(min(youngest - 2, 12))
            family.children.append(self.person(age, parent.home, (parent, partner), school))
        if rng.random() < 0.4:
            age = rng.randrange(min(18, partner.age(self.today) - 17))
            family.children.append(self.person(age, parent.home, (partner,), school))

    def _kin(self, family: Family, mother: Person) -> None:
        """The mother's own parent, and a much younger child of that parent where the years allow one."""
        rng = self.rng
        age = mother.age(self.today) + rng.randrange(18, 30)
        grandparent = self.person(age, self.address())
        grandparent.children.append(mother)
        mother.parents.append(grandparent)
        family.kin.append(grandparent)
        youngest = max(8, age - 45)
        if youngest < 23:
            school = rng.randrange(self._schools)
            family.kin.append(self.person(rng.randrange(youngest, 23), grandparent.home, (grandparent,), school))
