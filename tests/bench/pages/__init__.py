"""How long the pages of a busy node take, over a real socket, with one core for the node."""
