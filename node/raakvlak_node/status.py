"""How things stand, in counts: for `raakvlak-node status`, the API, and whoever watches over a node."""

from typing import Any, Final

from raakvlak_node.followup import Phase
from raakvlak_node.node import Node
from raakvlak_node.pairs import Pairs
from raakvlak_node.webhooks import Webhooks

_OVER: Final = (Phase.WITHDRAWN, Phase.EXPIRED)


def status(node: Node) -> dict[str, Any]:
    """Counts, and remarks that are empty where nothing is the matter; names no case and no person."""
    today = node.today(node.clock())
    phases, overdue = Pairs(node.store, node.covenant.id).counts(today.isoformat())
    return {
        **node.status(),
        **{f"follow_ups_{phase}": phases.get(phase, 0) for phase in Phase if phase not in _OVER},
        "follow_ups_overdue": overdue,
        **Webhooks(node.store, node.settings.webhook, node.random).counts(),
        **node.notices().counts(),
    }
