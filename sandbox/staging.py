"""Where each mount comes from: a twin under a path that says nothing, a volume of its own, or where it lies."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import ground, volumes
from sandbox.arguments import Places
from sandbox.ground import Ground
from sandbox.plan import TWINS, Volume, Watched
from sandbox.spec import MB, ReadOnly, SandboxSpec, SocketFolder, Writable

_MOST_LINKS = 20_000  # files; above this a folder is mounted where it lies
_MOST_SOCKETS = 64  # and folders, in a folder for sockets


@dataclass(frozen=True)
class Choice:
    """What is possible for a mount on this machine. `neutral`: folders whose inner paths name nobody and nothing."""

    ground: Ground
    state: Path
    neutral: tuple[Path, ...]

    def is_neutral(self, source: Path) -> bool:
        """Whether the path of this folder says nothing."""
        real = source.resolve()
        return any(folder in real.parents for folder in self.neutral)

    def has_twin(self, mount: ReadOnly) -> bool:
        """Whether hard links can stand for it: only where it is needed, on the same file system, not too many files."""
        if not self.ground.is_root or self.is_neutral(mount.source):
            return False
        existing = next(path for path in (self.state, *self.state.parents) if path.exists())
        if not mount.source.exists() or mount.source.stat().st_dev != existing.stat().st_dev:
            return False
        files = (name for _, _, names in os.walk(mount.source) for name in names)
        return next(itertools.islice(files, _MOST_LINKS, None), None) is None

    def is_volume(self, mount: Writable) -> bool:
        """Whether it is a file system of its own: where that can be made, and the folder holds nothing else yet."""
        if not self.ground.has_volumes or mount.quota is None or mount.shared:
            return False
        there = set(os.listdir(mount.source)) if mount.source.is_dir() else set()
        return volumes.NAME in there or not there

    def telling(self, spec: SandboxSpec) -> list[str]:
        """The mounts whose path on the host can be read inside."""
        named = [mount.inside for mount in spec.read_only
                 if not (self.is_neutral(mount.source) or self.has_twin(mount))]  # fmt: skip
        named += [mount.inside for mount in spec.writable
                  if not (self.is_neutral(mount.source) or self.is_volume(mount))]  # fmt: skip
        named += [folder.inside for folder in spec.sockets if not self.is_neutral(folder.source)]
        return [str(path) for path in named]


@dataclass
class Stage:
    """What the keeper has to lay out, and where bubblewrap then finds it."""

    folder: Path
    bwrap: Path
    places: Places
    links: list[tuple[str, str]] = field(default_factory=list)
    binds: list[tuple[str, str]] = field(default_factory=list)
    memory: list[tuple[str, int, int]] = field(default_factory=list)
    volumes: list[Volume] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)
    owned: list[str] = field(default_factory=list)


def lay(spec: SandboxSpec, run: Path, where: Ground, choice: Choice) -> Stage:
    """Work out the stage of one run."""
    hidden = ground.set_id_programs(spec.environment.system)
    if not where.is_root:
        places = Places({}, run / "settings", run / "nothing", None, None, hidden)
        return Stage(run, where.bwrap, places, watched=_watched(spec, choice))
    mounts = spec.mounts()
    programs = where.bwrap.parents[2]  # the wheel's program finds its library two folders up
    folder = ground.stage([run, programs, spec.environment.system, *(mount.source for mount in mounts)])
    sources: dict[Path, Path] = {}
    places = Places(sources, folder / "settings", folder / "nothing", folder / "scratch", folder / "shared", hidden)
    stage = Stage(folder, folder / "programs" / where.bwrap.relative_to(programs), places)
    stage.binds.append((str(programs), str(folder / "programs")))
    limits = spec.limits
    stage.memory = [
        (str(places.scratch), limits.scratch, limits.scratch_files),
        (str(places.shared_memory), limits.shared_memory, limits.scratch_files),
    ]
    for number, mount in enumerate(mounts):
        place = sources[mount.source] = folder / str(number)
        if isinstance(mount, Writable) and choice.is_volume(mount):
            stage.volumes.append(
                Volume(str(mount.source / volumes.NAME), str(place), mount.quota or 0, mount.files)
            )  # fmt: skip
            continue
        source = str(mount.source)
        if isinstance(mount, ReadOnly) and mount in spec.read_only and choice.has_twin(mount):
            source = str(run / TWINS / str(number))
            stage.links.append((str(mount.source), source))
        stage.binds.append((source, str(place)))
        if (isinstance(mount, Writable) and not mount.shared) or (isinstance(mount, SocketFolder) and mount.listens):
            stage.owned.append(str(place))
    stage.watched = _watched(spec, choice)
    return stage


def _watched(spec: SandboxSpec, choice: Choice) -> list[Watched]:
    folders = [
        Watched(str(mount.source), str(mount.inside), mount.quota, mount.files)
        for mount in spec.writable
        if mount.quota is not None and not choice.is_volume(mount)
    ]
    # Sockets hold no bytes: whoever writes more there fills the host's disk.
    sockets = [
        Watched(str(folder.source), str(folder.inside), MB, _MOST_SOCKETS, holds_sockets=True)
        for folder in spec.sockets
        if folder.listens
    ]
    return [*folders, *sockets]
