"""What holds for every file of the tree: `tree.py FILE …`.

No file names a package registry's host, so that the tree builds behind any mirror; no large file slips in.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

MOST_BYTES = 1 << 20
# Larger files that belong here, each with its reason.
DECLARED_LARGE: dict[str, str] = {
    "embed/weights/cross-encoder.safetensors": "what the cross-encoder learned; built into the library",
}
# Written in parts, so that this file passes its own check.
HOSTS = (
    r"pypi\." + "org",
    r"pythonhosted\." + "org",
    r"registry\.npm" + r"js\.(?:org|com)",
    r"registry\.yarn" + r"pkg\.com",
    r"(?:index|static)\.crates\." + "io",
    r"(?<![\w/-])crates\." + r"io/",
    r"proxy\.golang\." + "org",
    r"repo1?\.maven\." + r"(?:org|apache)",
    r"(?:deb|security)\.debian\." + "org",
    r"(?:archive|security)\.ubuntu\." + "com",
)
NAMED = re.compile("|".join(HOSTS).encode(), re.IGNORECASE)


def complaints(name: str) -> list[str]:
    path = Path(name)
    content = path.read_bytes()
    found = []
    if len(content) > MOST_BYTES and name not in DECLARED_LARGE:
        found.append(
            f"{name}: {len(content)} bytes, more than {MOST_BYTES}; declare it in tests/lint/tree.py"
        )
    for number, line in enumerate(content.splitlines(), 1):
        if host := NAMED.search(line):
            found.append(f"{name}:{number}: names the registry host {host.group().decode()}")
    return found


def main(names: list[str]) -> int:
    found = [complaint for name in names for complaint in complaints(name)]
    found += [
        f"{name}: declared as large, but not in the tree" for name in DECLARED_LARGE if name not in names
    ]
    print("\n".join(found) if found else f"{len(names)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
