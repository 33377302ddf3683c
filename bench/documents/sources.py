"""The documents that are asked about: ours, packages' and small ones of every kind."""

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.documents import pdf

ROOT: Final = Path(__file__).parents[2]
MADE: Final = Path(__file__).with_name("collections")
BUILD: Final = ROOT / "build" / "documents"
_SECONDS: Final = 120

STARLETTE: Final = "starlette==0.46.2"
STANDARD: Final = "standard@11.0.1"


def read(collection: str) -> dict[str, bytes]:
    """Return the files of a collection by their names in it; none when a package cannot be had."""
    match collection:
        case "flowkeys":
            return dict(_packed(MADE / "flowkeys.zip"))
        case "starlette":
            return _package(collection, _download_from_pypi, "docs/*.md")
        case "standard":
            return _package(collection, _download_from_npm, "*.md")
        case "policy":
            text = (MADE / collection / "policy.txt").read_text("utf-8")
            return {"policy.pdf": pdf.write([page.strip().splitlines() for page in text.split("---")])}
        case _:
            return dict(_folder(MADE / collection))


def _packed(file: Path) -> Iterator[tuple[str, bytes]]:
    """Our documentation, as it was when its last questions were written: figures do not move as it grows."""
    with zipfile.ZipFile(file) as packed:
        for name in sorted(packed.namelist()):
            yield name, packed.read(name)


def _folder(folder: Path, pattern: str = "**/*") -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob(pattern)):
        if path.is_file() and path.suffix in {".md", ".txt", ".csv"}:
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _package(name: str, download, pattern: str) -> dict[str, bytes]:
    """Read the documentation in a package's archive, which stays in `build`."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.glob("*gz")):
        try:
            download(folder)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{name} is not measured, it cannot be had: {error}", file=sys.stderr)
            return {}
    files = {}
    for archive in folder.glob("*gz"):
        with tarfile.open(archive) as tar:
            for member in tar:
                path = Path(*Path(member.name).parts[1:])
                if member.isfile() and path.match(pattern):
                    source = path.as_posix().removeprefix(pattern.partition("*")[0])
                    files[source] = tar.extractfile(member).read()
    return dict(sorted(files.items()))


def _download_from_pypi(folder: Path) -> None:
    _run(
        sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
        "--no-build-isolation", "--no-binary", ":all:", "-d", str(folder), STARLETTE,
    )  # fmt: skip


def _download_from_npm(folder: Path) -> None:
    _run("npm", "pack", "--silent", "--pack-destination", str(folder), STANDARD)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=_SECONDS, stdin=subprocess.DEVNULL, capture_output=True)
