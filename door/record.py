"""The record's own parts: the notary with its key, and the demo's witnesses, one for each center."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from door import probes
from door.account import launch_words
from door.ground import Ground, bin_path
from door.home import REPO
from door.say import Trouble, log
from door.storage import ANCHOR

ORIGIN = "caia.example.org/record"
# In the demo each center's witness runs beside the portal; in earnest it runs at the center.
CENTERS = {"fred-hutch": "Fred Hutch", "dana-farber": "Dana-Farber", "msk": "MSK", "johns-hopkins": "Johns Hopkins"}


def notary_command(ground: Ground) -> list[str]:
    return [str(bin_path("python")), "-m", "caia_notary", "run"]


def notary_prepare(ground: Ground) -> None:
    """Make the keys on the first start, and tell notary and witnesses of each other."""
    folder = ground.folder("notary")
    ground.account.own(folder)
    let_the_portal_read(ground, folder)
    _write_environment(ground, folder)
    vkey = _said(ground, ["-m", "caia_notary", "init"], _notary_environment(ground, folder))
    rows = []
    for slug, center in CENTERS.items():
        own = ground.folder("witnesses") / slug
        ground.account.own(ground.folder("witnesses"))
        ground.account.own(own)
        name = f"witness.{slug}.example.org"
        words = ["-m", "caia_witness", "--folder", str(own), "init", "--name", name, "--log", vkey]
        rows.append({"center": center, "url": _url(ground, slug), "vkey": _said(ground, words, {})})
    ground.write_for_account(folder / "witnesses.json", json.dumps(rows, indent=1) + "\n")


def let_the_portal_read(ground: Ground, folder: Path) -> None:
    """The tiles, by way of their group; the key beside them is for the notary's account alone."""
    if ground.portal_account.is_other:
        os.chown(folder, -1, ground.portal_account.gid)
        folder.chmod(0o2710)
        ground.portal_account.may_read(folder / "tiles")


def notary_probe(ground: Ground) -> str:
    """The notary has made itself known by its key file; that it keeps up is for /health/ready to say."""
    return "" if (ground.folder("notary") / "notary.key").exists() else "it has no key yet"


def witness_command(slug: str, ground: Ground) -> list[str]:
    own = ground.folder("witnesses") / slug
    return [
        str(bin_path("python")),
        "-m",
        "caia_witness",
        "--folder",
        str(own),
        "run",
        "--port",
        str(_port(ground, slug)),
    ]


def witness_address(slug: str, ground: Ground) -> str:
    return _url(ground, slug)


def witness_probe(slug: str, ground: Ground) -> str:
    return "" if probes.answers("127.0.0.1", _port(ground, slug)) else "takes no connections"


def port_name(slug: str) -> str:
    return f"witness_{slug.replace('-', '_')}"


def _port(ground: Ground, slug: str) -> int:
    return ground.ports[port_name(slug)]


def _url(ground: Ground, slug: str) -> str:
    return f"http://127.0.0.1:{_port(ground, slug)}"


def _notary_environment(ground: Ground, folder: Path) -> dict[str, str]:
    return {"NOTARY_DATABASE_URL": ground.notary_url(), "NOTARY_HOME": str(folder), "NOTARY_ORIGIN": ORIGIN}


def _write_environment(ground: Ground, folder: Path) -> None:
    """notary.env: what the notary alone is told; the portal's processes never see it."""
    values = _notary_environment(ground, folder)
    if "S3_ENDPOINT_URL" not in ground.outside:
        values |= {
            "ANCHOR_BUCKET": ANCHOR,
            "ANCHOR_ENDPOINT_URL": ground.environment()["S3_ENDPOINT_URL"],
            "ANCHOR_ACCESS_KEY_ID": ground.secret("anchor_access"),
            "ANCHOR_SECRET_ACCESS_KEY": ground.secret("anchor_secret"),
        }
    lines = "".join(f"{name}={value}\n" for name, value in sorted(values.items()))
    ground.write_for_account(ground.home.root / "notary.env", lines)


def _said(ground: Ground, words: list[str], environment: dict[str, str]) -> str:
    """The first line that this program of ours prints, run under the services' account."""
    command = launch_words([str(bin_path("python")), *words], account=ground.account)
    answer = subprocess.run(
        command,
        cwd=REPO,
        env={**ground.bare_environment(), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if answer.returncode != 0 or not answer.stdout.strip():
        log.error("%s: %s", words, answer.stderr)
        raise Trouble(
            f"The record's keys could not be made: {answer.stderr.strip()[-200:]}.", f"See {ground.home.log}."
        )
    return answer.stdout.strip().splitlines()[0]
