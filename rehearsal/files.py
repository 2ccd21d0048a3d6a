"""Writing a machine's own files, over those of the image."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

TEGWICK = 1000
HOME = "home/tegwick"
LIBRARY = "usr/local/lib/fleet-standins/standins"


@dataclass(frozen=True)
class Files:
    """A machine's own files over the image's."""

    upper: Path
    image: Path

    def directory(self, path: str, owner: int = 0) -> Path:
        """A directory as the image has it, or a new one of this owner."""
        made = self.upper / path
        if not made.exists():
            if path not in ("", "."):
                self.directory(str(Path(path).parent), owner)
            made.mkdir(parents=True)
            like = self.image / path
            if like.is_dir():
                shutil.copystat(like, made)
                owner = like.stat().st_uid
            os.chown(made, owner, owner)
        return made

    def write(self, path: str, content: str, mode: int = 0o644) -> None:
        """Write a file; what lies in the home directory belongs to its user."""
        owner = TEGWICK if path.startswith(f"{HOME}/") else 0
        file = self.directory(str(Path(path).parent), owner) / Path(path).name
        file.touch(mode=0o600)
        file.write_text(content)
        os.chown(file, owner, owner)
        file.chmod(mode)

    def copy_tree(self, source: Path, path: str) -> None:
        """Copy the files below `source` as `write` does; executables stay executable."""
        for file in sorted(source.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                mode = 0o755 if os.access(file, os.X_OK) and file.stat().st_mode & 0o100 else 0o644
                self.write(f"{path}/{file.relative_to(source)}", file.read_text(), mode)
