"""The OpenAPI file in the repository is that of the code."""

import json
import subprocess
import sys
from pathlib import Path

from raakvlak_node import rest

FILE = Path(__file__).parents[2] / "node" / "openapi.json"


def test_the_file_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == rest.description(), "run: python -m raakvlak_node.rest > node/openapi.json"


def test_the_command_writes_it() -> None:
    run = subprocess.run([sys.executable, "-m", "raakvlak_node.rest"], capture_output=True, check=True)
    assert run.stdout.decode() == rest.description()


def test_every_answer_is_described_as_what_it_is() -> None:
    described = json.loads(rest.description())
    put = described["paths"]["/v1/cases/{case_ref}"]["put"]["responses"]
    assert set(put) == {"202", "400", "401", "404", "409", "411", "413", "422", "503"}
    for path in described["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                kinds = set(answer.get("content", {}))
                assert kinds <= ({"application/problem+json"} if status >= "400" else {"application/json", "text/csv"})
                assert status < "400" or kinds
    assert "HTTPValidationError" not in described["components"]["schemas"]
    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
