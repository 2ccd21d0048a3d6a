"""The cluster's objects: versioned, watched, and kept in one JSON file across restarts."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .status import Object

_HISTORY = 1000  # events a watch can go back


class Key(NamedTuple):
    """Where an object lives; `namespace` is empty for a cluster-scoped one."""

    resource: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Event:
    """One change: ADDED, MODIFIED or DELETED."""

    version: int
    type: str
    resource: str
    object: Object


class Expired(Exception):
    """The history does not reach back to the version a watch asked for."""


def now() -> str:
    """The time in the API's format: UTC, whole seconds."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def key_of(resource: str, obj: Object) -> Key:
    """The key of `obj`."""
    return Key(resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


class Store:
    """All objects. A stored object is never changed in place: readers may hold on to it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._objects: dict[Key, Object] = {}
        self._events: deque[Event] = deque(maxlen=_HISTORY)
        self._changed = asyncio.Event()
        self._saved = 0
        self.version = 1
        self.applied: dict[str, str] = {}  # manifest file → hash of what was applied of it
        if file.exists():
            self._load()

    @property
    def answers(self) -> bool:
        """Whether etcd answers; a file `etcd-down` beside the store's own says that it does not."""
        return not self._file.with_name("etcd-down").exists()

    def get(self, key: Key) -> Object | None:
        """The object, or None."""
        return self._objects.get(key)

    def all(self, resource: str, namespace: str = "") -> list[Object]:
        """All of a resource, in `namespace` or (empty) everywhere, in the order of their keys."""
        return [
            self._objects[key]
            for key in sorted(self._objects)
            if key.resource == resource and namespace in ("", key.namespace)
        ]

    def create(self, resource: str, obj: Object) -> Object:
        """Add `obj`, giving it a uid and a creation time."""
        new = copy.deepcopy(obj)
        new["metadata"].setdefault("uid", str(uuid.uuid4()))
        new["metadata"].setdefault("creationTimestamp", now())
        return self._put("ADDED", resource, new)

    def update(self, key: Key, change: Callable[[Object], None]) -> Object | None:
        """Apply `change` to a copy and store that if it differs; None for an unknown key."""
        current = self._objects.get(key)
        if current is None:
            return None
        new = copy.deepcopy(current)
        change(new)
        if new == current:
            return current
        return self._put("MODIFIED", key.resource, new)

    def remove(self, key: Key) -> None:
        """Delete at once; no error if it is gone already."""
        obj = self._objects.pop(key, None)
        if obj is not None:
            self._record("DELETED", key.resource, copy.deepcopy(obj))

    def since(self, version: int, resource: str) -> list[Event]:
        """Events of a resource newer than `version`; raises Expired."""
        oldest = self._events[0].version if self._events else self.version + 1
        if version + 1 < oldest and version < self.version:
            raise Expired
        return [e for e in self._events if e.version > version and e.resource == resource]

    async def newer_than(self, version: int) -> None:
        """Wait until something changed after `version`."""
        while self.version <= version:
            await self._changed.wait()

    def save(self) -> None:
        """Write the file if anything changed; whoever reads it sees the old or the new whole."""
        if self._saved == self.version:
            return
        self._saved = self.version
        document = {
            "version": self.version,
            "applied": self.applied,
            "objects": [[*key, obj] for key, obj in self._objects.items()],
        }
        temporary = self._file.with_suffix(".new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            json.dump(document, f)
        temporary.replace(self._file)

    def _load(self) -> None:
        document = json.loads(self._file.read_text())
        self.version = self._saved = document["version"]
        self.applied = document["applied"]
        for resource, namespace, name, obj in document["objects"]:
            self._objects[Key(resource, namespace, name)] = obj

    def _put(self, kind: str, resource: str, obj: Object) -> Object:
        self._objects[key_of(resource, obj)] = obj
        self._record(kind, resource, obj)
        return obj

    def _record(self, kind: str, resource: str, obj: Object) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self._events.append(Event(self.version, kind, resource, obj))
        self._changed.set()
        self._changed = asyncio.Event()
