"""The pages of one node without servers; stories with several organisations use `tests.federation`."""

import pytest

from tests.node.conftest import NodeOf, clock, node, node_of  # noqa: F401 fixtures
from tests.pages.site import Site


@pytest.fixture
def site(node_of: NodeOf) -> Site:  # noqa: F811
    """The pages of a school."""
    return Site(node_of())
