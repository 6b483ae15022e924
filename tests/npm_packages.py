"""The Node package as npm packs it: `lockgate`, and the package with the native module for one platform.

Standard library only.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

from provisioning import CACHE, ROOT, Unready, cargo_target, node_modules, run, step

SOURCE = ROOT / "bindings-node"
SCOPE = "@lockgate"
#: What cargo calls the module, by system.
LIBRARY = {"linux": "liblockgate_node.so", "darwin": "liblockgate_node.dylib", "win32": "lockgate_node.dll"}


def platforms() -> list[dict[str, Any]]:
    """What is released."""
    rows: list[dict[str, Any]] = json.loads((SOURCE / "platforms.json").read_text())["platforms"]
    return rows


def here() -> dict[str, Any]:
    """The platform of this machine."""
    system = "win32" if sys.platform == "win32" else sys.platform
    cpu = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(
        platform.machine().lower(), platform.machine()
    )
    libc = None
    if system == "linux":
        libc = "glibc" if platform.libc_ver()[0] == "glibc" else "musl"
    for row in platforms():
        if (row["os"], row["cpu"], row.get("libc")) == (system, cpu, libc):
            return row
    raise Unready(f"the Node package is not built for {system} on {cpu}")


@cache
def packed() -> tuple[Path, Path]:
    """Both packages, the native module built like all else that is tested. Packed once a run."""
    step("building the native module of bindings-node")
    # As part of the workspace, and with an example, so that cargo chooses what the dependencies can do as for tests and
    # builds them once. The Python module has its own builder.
    argv = ["cargo", "build", "--workspace", "--exclude", "lockgate-python", "--locked", "--lib"]
    run([*argv, "--example", "latency"], "cargo build failed")
    row = here()
    return pack(row, cargo_target() / "debug" / LIBRARY[row["os"]], CACHE / "npm")


def pack(row: dict[str, Any], module: Path, folder: Path) -> tuple[Path, Path]:
    """Packs the surface, and ``module`` for the platform ``row``, into ``folder``."""
    node_modules(SOURCE)
    shutil.rmtree(folder, ignore_errors=True)
    main, native = folder / "lockgate", folder / row["name"]
    main.mkdir(parents=True)
    native.mkdir()
    compiler = SOURCE / "node_modules" / "typescript" / "bin" / "tsc"
    run(["node", compiler, "--project", SOURCE, "--outDir", main / "lib"], "the TypeScript does not compile")

    manifest = json.loads((SOURCE / "package.json").read_text())
    shared = {name: manifest[name] for name in ("version", "license", "engines")}
    for name in ("devDependencies", "private"):
        manifest.pop(name, None)
    manifest["optionalDependencies"] = {f"{SCOPE}/{each['name']}": shared["version"] for each in platforms()}
    write(main / "package.json", manifest)
    for name in ("index.mjs", "index.d.mts", "README.md"):
        shutil.copy(SOURCE / name, main)
    shutil.copy(ROOT / "LICENSE", main)

    libc = {"libc": [row["libc"]]} if "libc" in row else {}
    about = f"The native module of lockgate for {row['name']}"
    described = {"name": f"{SCOPE}/{row['name']}", "description": about, **shared}
    fits = {"os": [row["os"]], "cpu": [row["cpu"]], **libc}
    write(native / "package.json", {**described, **fits, "main": "lockgate.node", "files": ["lockgate.node"]})
    shutil.copy(module, native / "lockgate.node")
    shutil.copy(ROOT / "LICENSE", native)
    return packed_in(main, folder), packed_in(native, folder)


def packed_in(package: Path, folder: Path) -> Path:
    """`npm pack`, the file in ``folder``."""
    before = set(folder.glob("*.tgz"))
    argv = ["npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder]
    run(argv, "npm pack failed", {**os.environ, "NPM_CONFIG_AUDIT": "false"}, package)
    (made,) = set(folder.glob("*.tgz")) - before
    return made


def write(path: Path, manifest: dict[str, Any]) -> None:
    path.write_text(json.dumps(manifest, indent=2) + "\n")


def with_packages(project: Path) -> None:
    """`npm ci` in ``project``, and both packages beside what it brought."""
    node_modules(project)
    unpack(list(packed()), project)


def unpack(archives: list[Path], project: Path) -> None:
    """Lays packed packages into ``project`` as npm does."""
    for archive in archives:
        with tarfile.open(archive) as files:
            manifest = files.extractfile("package/package.json")
            assert manifest is not None
            target = project / "node_modules" / json.load(manifest)["name"]
            shutil.rmtree(target, ignore_errors=True)
            for member in files.getmembers():
                member.name = member.name.removeprefix("package/")
                files.extract(member, target, filter="data")
