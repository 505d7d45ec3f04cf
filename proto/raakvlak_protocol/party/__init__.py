"""How every party behaves on the wire and on its machine. It knows no token, case or letter."""

import os

# gRPC's core writes free text to standard error, beside our log of declared events; what it would say about a failed
# handshake stands in our own errors. It reads this once, at its import, so that it must be said before.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
