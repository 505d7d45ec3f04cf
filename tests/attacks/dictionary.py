"""What an attacker with a list of persons computes: nothing of it is secret but the key or share that it stole."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count, islice

from raakvlak_protocol import threshold, token, voprf
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.ristretto import Element, Scalar
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import TokenKeys

_NOT_BLINDED = Scalar.public(1)


def bsns(first: int, number: int) -> list[str]:
    """The first so many numbers from `first` on that pass the 11-proof."""
    return list(islice(_valid(first), number))


def _valid(first: int) -> Iterator[str]:
    for each in count(first):
        text = f"{each:09}"
        with suppress(Malformed):
            Bsn.parse(text)
            yield text


def prf_input(covenant_id: str, bsn: str, epoch: int = 1) -> SecretBytes:
    return token.prf_input(covenant_id, epoch, Bsn.parse(bsn))


def unblinded(covenant_id: str, bsn: str) -> Element:
    """The person's group element, as a node that forgot to blind would send it."""
    return voprf.blind([prf_input(covenant_id, bsn)], [_NOT_BLINDED])[0]


def keys_under(secret: Scalar, covenant_id: str, bsn: str) -> TokenKeys:
    """The person's token and secrets, for whoever has the whole key."""
    return token.expand(voprf.evaluate(secret, prf_input(covenant_id, bsn)))


def recovered(shares: Mapping[int, Scalar]) -> Scalar:
    """What these shares together say the key is: the key, if there are t of them."""
    numbers = sorted(shares)
    parts = [weight * shares[number] for weight, number in zip(threshold.lagrange(numbers), numbers, strict=True)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def traces(share: Scalar, covenant_id: str, bsn: str) -> list[bytes]:
    """Everything that the holder of a share can compute of a person by following the protocol."""
    element = unblinded(covenant_id, bsn)
    output = voprf.evaluate(share, prf_input(covenant_id, bsn))
    keys = token.expand(output)
    return [
        bsn.encode(),
        element,
        *voprf.blind_evaluate(share, [element]),
        *voprf.blind_evaluate(share.inverse(), [element]),
        output.reveal(),
        keys.token.reveal(),
        keys.seed.reveal(),
        keys.letter_key.reveal(),
    ]
