"""SeaweedFS as a part: all its ports on loopback, every door of it behind a key."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from door import certificate, probes
from door.ground import Ground, bin_path

ANCHOR = "caia-record-anchor"  # the notary's own bucket, whose objects are locked
PORTS = (
    "s3",
    "s3_grpc",
    "weed_master",
    "weed_master_grpc",
    "weed_volume",
    "weed_volume_grpc",
    "weed_filer",
    "weed_filer_grpc",
    "weed_admin",
    "weed_admin_grpc",
)
TALKERS = ("master", "volume", "filer", "s3", "admin", "worker", "client")  # among themselves by gRPC


def command(ground: Ground) -> list[str]:
    """`weed mini` with every port named, since each would otherwise be fixed; paths are relative to its folder."""
    port = ground.ports
    wishes: dict[str, object] = {
        "dir": "volumes",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        # Over HTTP the master gives a key for any file to whoever asks.
        "disableHttp": "true",
        "master.port": port["weed_master"],
        "master.port.grpc": port["weed_master_grpc"],
        "volume.port": port["weed_volume"],
        "volume.port.grpc": port["weed_volume_grpc"],
        "filer.port": port["weed_filer"],
        "filer.port.grpc": port["weed_filer_grpc"],
        "filer.localSocket": "filer.sock",
        "s3.port": port["s3"],
        "s3.port.grpc": port["s3_grpc"],
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.iam": "false",
        "s3.config": "s3.json",
        "s3.localSocket": "s3.sock",
        "admin.port": port["weed_admin"],
        "admin.port.grpc": port["weed_admin_grpc"],
        "admin.ui": "false",
        "webdav": "false",
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 1024,
        "volume.max": 0,
    }
    said = [f"-{name}={value}" for name, value in wishes.items()]
    return [str(bin_path("weed")), "-logtostderr=true", "-v=0", "mini", *said]


def prepare(ground: Ground) -> None:
    """Write the keys, those for gRPC anew at each start; anonymous calls are refused on every port."""
    folder = ground.folder("seaweedfs")
    ground.account.own(folder)
    ground.account.own(folder / "volumes")
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    keys = {"accessKey": ground.secret("s3_access"), "secretKey": ground.secret("s3_secret")}
    anchor = {"accessKey": ground.secret("anchor_access"), "secretKey": ground.secret("anchor_secret")}
    identities = {
        "identities": [
            {"name": "portal", "credentials": [keys], "actions": actions},
            {"name": "anchor", "credentials": [anchor], "actions": [f"{action}:{ANCHOR}" for action in actions]},
        ]
    }
    ground.write_for_account(folder / "s3.json", json.dumps(identities))
    sections = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
    toml = "".join(f'[{name}]\nkey = "{ground.secret("storage")}-{name}"\n' for name in sections)
    key, signed = certificate.made()
    ground.write_for_account(folder / "grpc.key", key)
    ground.write_for_account(folder / "grpc.crt", signed)
    toml += '[grpc]\nca = "grpc.crt"\n'
    toml += "".join(f'[grpc.{name}]\ncert = "grpc.crt"\nkey = "grpc.key"\n' for name in TALKERS)
    ground.write_for_account(folder / "security.toml", toml)
    clear_sockets(ground)


def probe(ground: Ground) -> str:
    """S3, which starts last, and the volume server answer."""
    status, _ = probes.get(ground.ports["s3"], "/status")
    if status != 200:
        return "S3 does not answer yet"
    status, _ = probes.get(ground.ports["weed_volume"], "/status")
    return "" if status == 200 else "no volume server yet"


def clear_sockets(ground: Ground) -> None:
    """Remove the sockets that weed leaves in /tmp when it is killed."""
    for name in ("s3_grpc", "weed_master_grpc", "weed_volume_grpc", "weed_filer_grpc"):
        for path in Path("/tmp").glob(f"seaweedfs-*-{ground.ports[name]}.sock"):  # noqa: S108 where weed puts them
            with contextlib.suppress(OSError):
                path.unlink()
