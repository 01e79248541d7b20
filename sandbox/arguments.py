"""From a description to bubblewrap's words. Pure: the same description and places give the same words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sandbox.spec import SandboxSpec

INSIDE_UID = 1000
PERSON = "researcher"
HOST_NAME = "workspace"
PATH = "/usr/local/bin:/usr/bin:/bin"
_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_HOST_SETTINGS = ("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/alternatives")

SETTINGS = {
    "passwd": f"{PERSON}:x:{INSIDE_UID}:{INSIDE_UID}::/tmp:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n",
    "group": f"{PERSON}:x:{INSIDE_UID}:\nnogroup:x:65534:\n",
    "hosts": f"127.0.0.1 localhost {HOST_NAME}\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "hostname": f"{HOST_NAME}\n",
}


@dataclass(frozen=True)
class Places:
    """Where the host's things are found when bubblewrap starts: staged where that is possible, else where they lie."""

    sources: dict[Path, Path]  # each mount's source -> the path that bubblewrap is told
    settings: Path  # a folder with the files of SETTINGS
    nothing: Path  # an empty file that nobody may read, put over what nobody should run
    scratch: Path | None  # a folder in memory for /tmp, limited by size and number of files; None: bubblewrap makes one
    shared_memory: Path | None
    hidden: tuple[PurePosixPath, ...] = ()  # set-uid programs of the system

    def of(self, source: Path) -> str:
        """The path that stands for this source."""
        return str(self.sources.get(source, source))


def words(spec: SandboxSpec, places: Places) -> list[str]:
    """Everything after `bwrap`, but for the file descriptors of filter and status; security.md, appendix B."""
    return [
        "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
        "--uid", str(INSIDE_UID), "--gid", str(INSIDE_UID), "--cap-drop", "ALL", "--hostname", HOST_NAME,
        *_system(spec, places),
        *_memory_folders(spec, places),
        *_mounts(spec, places),
        "--remount-ro", "/dev", "--remount-ro", "/proc", "--remount-ro", "/",
        *_variables(spec),
        "--chdir", str(spec.folder),
    ]  # fmt: skip


def _system(spec: SandboxSpec, places: Places) -> list[str]:
    said = ["--ro-bind", places.of(spec.environment.system), "/usr"]
    for name in _LINKS:
        if (spec.environment.system / name).is_dir():
            said += ["--symlink", f"usr/{name}", f"/{name}"]
    for program in places.hidden:
        said += ["--ro-bind", str(places.nothing), str(program)]
    for path in _HOST_SETTINGS:
        said += ["--ro-bind-try", path, path]
    for name in SETTINGS:
        said += ["--ro-bind", str(places.settings / name), f"/etc/{name}"]
    return [*said, "--proc", "/proc", "--dev", "/dev"]


def _memory_folders(spec: SandboxSpec, places: Places) -> list[str]:
    said = []
    for inside, staged, size in (
        ("/tmp", places.scratch, spec.limits.scratch),
        ("/dev/shm", places.shared_memory, spec.limits.shared_memory),
    ):
        said += ["--bind", str(staged), inside] if staged else ["--size", str(size), "--tmpfs", inside]
    return said


def _mounts(spec: SandboxSpec, places: Places) -> list[str]:
    said = []
    for mount in (*spec.environment.folders, *spec.read_only):
        said += ["--ro-bind", places.of(mount.source), str(mount.inside)]
    for place in spec.writable:
        said += ["--bind", places.of(place.source), str(place.inside)]
    for folder in spec.sockets:
        # A socket can be spoken to through a read-only mount; only making one needs writing.
        said += ["--bind" if folder.listens else "--ro-bind", places.of(folder.source), str(folder.inside)]
    return said


def variables(spec: SandboxSpec) -> dict[str, str]:
    """All variables inside: a few that programs expect, then those of the description."""
    home = str(spec.writable[0].inside) if spec.writable else "/tmp"
    usual = {"PATH": PATH, "HOME": home, "USER": PERSON, "LOGNAME": PERSON, "LANG": "C.UTF-8", "TMPDIR": "/tmp"}
    return {**usual, **spec.variables}


def _variables(spec: SandboxSpec) -> list[str]:
    said = ["--clearenv"]
    for name, value in variables(spec).items():
        said += ["--setenv", name, value]
    return said
