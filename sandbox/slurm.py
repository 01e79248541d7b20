"""The backend of a batch cluster: a Slurm script that builds the same sandbox on the node, around the job's command.

The script needs nothing of ours on the node but bubblewrap; the filter of system calls travels inside it.
"""

from __future__ import annotations

import base64
import math
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sandbox import arguments, seccomp
from sandbox.arguments import Places
from sandbox.promises import Promise, Standing, every
from sandbox.single import ALWAYS
from sandbox.spec import MB, SandboxSpec

_STAGE = Path("/@stage@")  # stands in the words for the folder that the script makes on the node
_SCRIPT = r"""#!/bin/bash
{directives}
set -eu
umask 077
stage=$(mktemp -d)
trap 'rm -rf -- "$stage"' EXIT
# With a folder as its first word, the script keeps there how it ended, and ends where nobody touches `attended`.
place=${{1:-}}
kill_all() {{ kill -KILL "$inner" 2>/dev/null || true; }}
# The sandbox's own first process hears no signal from outside; what it started does, and may save its work.
tell() {{
  local first program
  for first in $(cat "/proc/$inner/task/$inner/children" 2>/dev/null); do
    for program in $(cat "/proc/$first/task/$first/children" 2>/dev/null); do
      kill -TERM "$program" 2>/dev/null || true
    done
  done
}}
late() {{ [ -n "${{killer:-}}" ] || {{ (sleep {grace}; kill_all) > /dev/null 2>&1 & killer=$!; }}; }}
trap '[ -z "$place" ] || : > "$place/signalled"; [ -z "${{inner:-}}" ] || {{ tell; late; }}' TERM INT
{settings}
install -m 0 /dev/null "$stage/nothing"
chmod 0755 "$stage"
base64 -d > "$stage/filter" <<'FILTER'
{filter}
FILTER
words=(
{words}
)
printf '%s\0' "${{words[@]}}" > "$stage/words"
ulimit -c 0
ulimit -n {open_files}
env -i {bwrap} --args 8 --seccomp 9 -- {command} 8< "$stage/words" 9< "$stage/filter" < /dev/null &
inner=$!
{watch}code=0
wait "$inner" || code=$?
# A signal to this script ends a wait early.
while kill -0 "$inner" 2>/dev/null; do code=0; wait "$inner" || code=$?; done
# Whoever waits to kill it must not live on: its number may be another's by then.
kill "${{killer:-}}" "${{watcher:-}}" 2>/dev/null || true
if [ -n "$place" ]; then printf %s "$code" > "$place/code.new" && mv "$place/code.new" "$place/code"; fi
exit "$code"
"""
_WATCH = r"""alone() {{
  local touched now
  while kill -0 "$inner" 2>/dev/null; do
    sleep 1
    touched=$(stat -c %Y "$place/attended" 2>/dev/null || echo 0) now=$(date +%s)
    [ $((now - touched)) -lt {alone} ] || {{ kill_all; return; }}
  done
}}
if [ -n "$place" ]; then alone > /dev/null 2>&1 & watcher=$!; fi
"""


@dataclass(frozen=True)
class Site:
    """What a cluster's own staff says of it: its bubblewrap, and what its cgroup.conf constrains."""

    bwrap: PurePosixPath = PurePosixPath("/usr/bin/bwrap")
    machine: str = "x86_64"
    partition: str | None = None
    account: str | None = None
    constrains_memory: bool = False  # ConstrainRAMSpace=yes
    constrains_cores: bool = False  # ConstrainCores=yes
    hidden: tuple[PurePosixPath, ...] = ()  # the nodes' set-uid programs below /usr


class Slurm:
    """Scripts for `sbatch`."""

    name = "slurm"

    def __init__(self, site: Site) -> None:
        self.site = site

    def script(self, spec: SandboxSpec) -> str:
        """The batch script: hand it to `sbatch` on its standard input."""
        places = Places({}, _STAGE / "settings", _STAGE / "nothing", None, None, self.site.hidden)
        quoted = [_on_the_node(word) for word in arguments.words(spec, places)]
        code = base64.b64encode(seccomp.program(self.site.machine)).decode()
        return _SCRIPT.format(
            directives="\n".join(f"#SBATCH {line}" for line in self._directives(spec)),
            settings=_settings(),
            filter="\n".join(code[at : at + 76] for at in range(0, len(code), 76)),
            words="\n".join(f"  {word}" for word in quoted),
            open_files=spec.limits.open_files,
            bwrap=shlex.quote(str(self.site.bwrap)),
            command=shlex.join(spec.command),
            grace=max(math.ceil(spec.limits.grace), 1),
            watch=_WATCH.format(alone=math.ceil(spec.limits.unattended)) if spec.limits.unattended else "",
        )

    def promises(self, spec: SandboxSpec) -> tuple[Standing, ...]:
        """What holds on this site."""
        site = self.site
        asked = "asked of Slurm; nothing here sees whether the site's cgroup.conf constrains it"
        found = {promise: (True, words) for promise, words in ALWAYS.items()}
        found |= {
            Promise.NO_SETUID: (True, "no_new_privs and nosuid mounts; the nodes' set-uid programs may be seen"),
            Promise.OUTPUT: (False, "Slurm writes the whole output; a quota of its folder is the site's"),
            Promise.TIME: (True, "--time; Slurm counts in whole minutes")
            if spec.limits.seconds is not None
            else (True, "no limit was asked for"),
            Promise.WHOLE_TREE: (True, "bubblewrap ends with the script, and with it its process namespace"),
            Promise.REASON: (False, "sacct knows how it ended; it isn't asked here"),
            Promise.OWN_UID: (False, "the account of the job: give each project one of its own"),
            Promise.MEMORY: (True, "--mem, ConstrainRAMSpace") if site.constrains_memory else (False, asked),
            Promise.PROCESSES: (False, "Slurm has no such limit; the nodes' own (pam_limits, TasksMax) holds"),
            Promise.CPU: (True, "--cpus-per-task, ConstrainCores") if site.constrains_cores else (False, asked),
            Promise.DISK: (not spec.writable, "quotas of the site's file systems, where it has them"),
            Promise.FILES: (not spec.writable, "quotas of the site's file systems, where it has them"),
            Promise.SCRATCH: (True, "folders in memory with a size"),
            Promise.SCRATCH_FILES: (False, "bubblewrap's folders in memory know a size only"),
            Promise.DISK_SPEED: (False, "the site's file systems share as they do"),
            Promise.NEUTRAL_NAMES: (
                not (spec.read_only or spec.writable or spec.sockets),
                "mounts lie where they lie: their paths on the node can be read in /proc/self/mountinfo",
            ),
        }
        return every(found)

    def _directives(self, spec: SandboxSpec) -> list[str]:
        limits = spec.limits
        lines = [
            f"--job-name={spec.name}",
            f"--mem={math.ceil(limits.memory / MB)}M",
            f"--cpus-per-task={math.ceil(limits.cpus)}",
            "--ntasks=1",
            "--nodes=1",
            "--export=NONE",
            "--no-requeue",
            f"--signal=B:TERM@{max(math.ceil(limits.grace), 1)}",
        ]
        if limits.seconds is not None:
            lines.append(f"--time={math.ceil(limits.seconds / 60)}")
        if self.site.partition:
            lines.append(f"--partition={self.site.partition}")
        if self.site.account:
            lines.append(f"--account={self.site.account}")
        return lines


def _on_the_node(word: str) -> str:
    """A word for the script; what lies on the stage is named by its variable."""
    if word.startswith(f"{_STAGE}/"):
        return '"$stage"' + shlex.quote(word.removeprefix(str(_STAGE)))
    return shlex.quote(word)


def _settings() -> str:
    lines = ['mkdir -m 0755 "$stage/settings"']
    for name, text in arguments.SETTINGS.items():
        lines.append(f'printf %s {shlex.quote(text)} > "$stage/settings/{name}"')
    lines.append('chmod 0644 "$stage"/settings/*')
    return "\n".join(lines)
