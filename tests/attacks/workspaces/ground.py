"""Two members of two centers side by side, each in a workspace of their own; what one of them may try is read here."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.calls import LAST_KNOWN, LOOKED_AT, REFUSED
from tests.attacks.sandbox.conftest import INSIDE, SEGMENT, Canaries
from tests.live.lab import Lab
from tests.live.site import Person, Site

DATA, THEIR_DATA = "ehr-alliance-gbsg2", "genomics-johns-hopkins-khan-srbct"
NOTES = "CANARY-NOTES-5c1f"
PYTHON = "/opt/environment/bin/python3"
SECRET_FILES = ("env", "hub.env", "host.env", "proxy.env", "notary.env", "secrets", "oidc/key.pem")


@dataclass
class Ground:
    """Rosa attacks; Julia works beside her."""

    site: Site
    rosa: Person
    julia: Person
    project: str
    their_project: str
    lab: Lab
    their_lab: Lab

    def awake(self) -> None:
        """Whoever did nothing for as long as a session lasts (the other one's tests took their time) goes in again."""
        for person, lab in ((self.rosa, self.lab), (self.julia, self.their_lab)):
            if not person.is_signed_in():
                person.sign_in()
                lab.enter()

    def notes(self, lab: Lab) -> tuple[Path, dict[str, Any]]:
        """The folder of a run on this machine, and its host's notes."""
        for file in (self.site.place / "ws" / "r").glob("*/run.json"):
            notes = json.loads(file.read_text())
            if notes["run"] == lab.run:
                return file.parent, notes
        raise AssertionError(f"the host has no notes of {lab.run}")

    def secrets(self) -> list[str]:
        """Every secret that this portal's parts are told."""
        return list(json.loads((self.site.place / "secrets").read_text()).values())

    def data(self) -> dict[str, str]:
        """The hash of each file of the data that lies on this machine, by its path."""
        top = self.site.place / "host" / "cache" / "versions"
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in top.rglob("*") if path.is_file()}

    def sockets(self) -> list[str]:
        """Each socket below the portal's home: the host's, both gateways', both servers', the supervisor's."""
        return sorted(str(path) for path in self.site.place.rglob("*") if path.is_socket())


@contextmanager
def grounds(site: Site) -> Iterator[Ground]:
    """Both workspaces open; stopped at the end."""
    project, their_project = site.project("Rosa Jimenez", DATA), site.project("Julia Santos", THEIR_DATA)
    rosa, julia = site.person("Rosa Jimenez"), site.person("Julia Santos")
    lab, their_lab = rosa.opened(project), julia.opened(their_project)
    for folder in ("", "/shared/", "/results/"):
        told = their_lab.execute(f"open('{folder}notes-of-julia.txt', 'w').write('{NOTES}')")
        assert not told.error, told
    ground = Ground(site, rosa, julia, project, their_project, lab, their_lab)
    try:
        yield ground
    finally:
        for person, of in ((rosa, project), (julia, their_project)):
            if "/stop/" in person.page_of(of):
                person.stop(of)


def facts_of(ground: Ground, canaries: Canaries, memory: str) -> dict[str, Any]:
    """All that an attacker could know of the machine that she is on: addresses, paths, names; the real ones."""
    place = ground.site.place
    ports = json.loads((place / "ports").read_text())
    folder, notes = ground.notes(ground.their_lab)
    own_folder, own = ground.notes(ground.lab)
    homes = place / "host" / "homes"
    return {
        "seconds": 20,
        "tcp": [*canaries.tcp, *(("127.0.0.1", port) for port in ports.values()), ("::1", ports["web"])],
        "udp": canaries.udp,
        "abstract": canaries.abstract,
        "socket_files": [canaries.file, *ground.sockets()],
        "neighbour_ports": [ports["workspaces"], ports["hub"], ports["proxy_api"]],
        "foreign": [
            f"/data/{THEIR_DATA}", f"/data/{DATA}/../{THEIR_DATA}", str(place / "host" / "cache" / "versions"),
            str(place / "host" / "cache" / "files"), *(str(place / "host" / "cache" / "versions" / name)
                                                     for name in os.listdir(place / "host" / "cache" / "versions")),
        ],
        "foreign_home": str(homes / notes["workspace"] / "home"),
        "secrets": [str(place), str(folder), str(own_folder), str(homes), "/tmp/.X11-unix",
                    str(place / "host" / "shared" / ground.their_project),
                    *(str(place / name) for name in SECRET_FILES)],
        "data_file": f"/data/{DATA}/gbsg2.csv",
        "data_is_roots": True,
        "canary_words": [THEIR_DATA, "notes-of-julia", notes["workspace"], notes["run"], notes["name"],
                         folder.name, ground.their_project, ground.their_lab.base.split("/")[4], own["workspace"]],
        "launcher_secrets": [*ground.secrets(), "JUPYTERHUB_", ground.site.values["CAIA_HUB_API_URL"]],
        "calls": REFUSED | LOOKED_AT,
        "last_known": LAST_KNOWN,
        "shared_memory": memory,
        "segment": SEGMENT,
    }  # fmt: skip


def attack(lab: Lab, facts: dict[str, Any], *probes: str) -> dict[str, dict[str, Any]]:
    """Take the probes inside by the editor's door, as a researcher does, run them from a cell, and leave nothing."""
    lab.put("inside.py", INSIDE.read_bytes())
    lab.put("facts.json", json.dumps(facts).encode())
    words = json.dumps([PYTHON, "-I", "-S", "inside.py", "facts.json", *probes])
    ran = lab.execute(f"import subprocess\nprint(subprocess.run({words}, capture_output=True, text=True).stdout)", 300)
    assert not ran.error, ran.error
    swept = lab.execute("import os\nfor name in ('inside.py', 'facts.json'): os.remove(name)")
    assert not swept.error, swept.error
    return dict(json.loads(ran.text))
