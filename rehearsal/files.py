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

    def has(self, path: str) -> bool:
        """Whether the machine, or the image, has the file."""
        return (self.upper / path).exists() or (self.image / path).exists()

    def read(self, path: str) -> str:
        """What is in a file of the machine, or of the image."""
        return self._found(path).read_text()

    def mode(self, path: str) -> int:
        """The mode of a file of the machine, or of the image."""
        return self._found(path).stat().st_mode & 0o777

    def move(self, old: str, new: str) -> None:
        """Put one of the machine's own files somewhere else."""
        self.write(new, self.read(old), self.mode(old))
        (self.upper / old).unlink()

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        (self.directory(str(Path(path).parent)) / Path(path).name).symlink_to(target)

    def _found(self, path: str) -> Path:
        own = self.upper / path
        return own if own.exists() else self.image / path

    def copy_tree(self, source: Path, path: str) -> None:
        """Copy the files below `source` as `write` does; executables stay executable."""
        for file in sorted(source.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                mode = 0o755 if os.access(file, os.X_OK) and file.stat().st_mode & 0o100 else 0o644
                self.write(f"{path}/{file.relative_to(source)}", file.read_text(), mode)
