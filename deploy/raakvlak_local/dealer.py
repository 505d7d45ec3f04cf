"""A dealer: makes a whole key and hands out its shares, for the local federation and for tests.

Whoever deals has seen the key, so that no real federation may take its shares from here. It exists only until the key
ceremony, in which the key holders make a key together that nobody ever has.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raakvlak_protocol import ristretto, threshold
from raakvlak_protocol.ristretto import Element, Random, Scalar


@dataclass(frozen=True, slots=True)
class DealtKey:
    """The key of one (namespace, epoch): what the covenant says of it, and each holder's secret share by number."""

    namespace: str
    epoch: int
    public_key: Element
    public_shares: Mapping[int, Element]
    shares: Mapping[int, Scalar]

    def share_line(self, share_number: int) -> str:
        """The JSON line by which `raakvlak-keyholder accept-shares` takes a share. Secret: never write it to a file."""
        return json.dumps(
            {
                "namespace": self.namespace,
                "epoch": self.epoch,
                "share_number": share_number,
                "secret": self.shares[share_number].reveal().hex(),
            }
        )

    def draft_entry(self) -> str:
        """The `[[epoch.key]]` of a covenant draft (TOML), to stand behind its `[[epoch]]`."""
        shares = "".join(f'{number} = "{share.hex()}"\n' for number, share in sorted(self.public_shares.items()))
        return (
            f'[[epoch.key]]\nnamespace = "{self.namespace}"\npublic_key = "{self.public_key.hex()}"\n'
            f"[epoch.key.shares]\n{shares}"
        )


def deal(namespace: str, epoch: int, key_threshold: int, share_numbers: Sequence[int], random: Random) -> DealtKey:
    """A new key, of which any `key_threshold` of the shares are enough to evaluate and fewer say nothing."""
    key = ristretto.random_scalar(random)
    shares = threshold.split(key, key_threshold, share_numbers, random)
    public_shares = {number: ristretto.multiply_base(share) for number, share in shares.items()}
    return DealtKey(namespace, epoch, ristretto.multiply_base(key), public_shares, shares)
