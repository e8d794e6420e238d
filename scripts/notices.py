"""Prints the licence texts of the crates that are linked into the module.

MIT is taken where a crate offers it. A crate without any text is an error, never left out.
"""

import json
import subprocess
import sys
from pathlib import Path

# Crates whose package lacks the text, and the crate of the same repository that has it.
SAME_REPOSITORY = {"redis-module-common": "redis-module"}
NAMES = ("LICEN", "COPYING", "UNLICENSE", "NOTICE")


def cargo(*arguments: str) -> str:
    command = ["cargo", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def texts(folder: Path) -> list[str]:
    files = sorted(path for path in folder.iterdir() if path.name.upper().startswith(NAMES))
    notices = [path for path in files if path.name.upper().startswith("NOTICE")]
    licences = [path for path in files if path not in notices]
    mit = [path for path in licences if "MIT" in path.name.upper()]
    return [path.read_text(encoding="utf-8").strip() for path in (mit or licences) + notices]


def main() -> None:
    arguments = ("--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}")
    linked = {tuple(line.split()[:2]) for line in cargo("tree", *arguments).splitlines() if line}
    packages = json.loads(cargo("metadata", "--locked", "--format-version", "1"))["packages"]
    crates = {
        package["name"]: Path(package["manifest_path"]).parent
        for package in packages
        if (package["name"], "v" + package["version"]) in linked
    }
    users: dict[str, list[str]] = {}
    for package in sorted(packages, key=lambda package: (package["name"], package["version"])):
        name, version = package["name"], package["version"]
        if (name, "v" + version) not in linked or name == "fw-limits":
            continue
        found = texts(Path(package["manifest_path"]).parent)
        if not found and name in SAME_REPOSITORY:
            found = texts(crates[SAME_REPOSITORY[name]])
        if not found:
            sys.exit(f"fw-limits: {name} {version} ships no licence text; see scripts/notices.py")
        for text in found:
            users.setdefault(text, []).append(f"{name} {version} ({package['license']})")
    print("These crates are linked into libfw_limits.so. RUST-LIBRARY.html has the notices of Rust's own")
    print("library.")
    for text, names in users.items():
        print("\n" + "-" * 80 + "\n" + "\n".join(names) + "\n\n" + text)


main()
