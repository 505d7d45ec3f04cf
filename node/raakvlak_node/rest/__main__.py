"""Prints the API as an OpenAPI document."""

import sys

from raakvlak_node.rest import description

sys.stdout.write(description())
