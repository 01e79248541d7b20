"""The witness's command line: `init` once, `run` always, `trust` for a new key of a log, `show` at any time."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from caia_witness.home import Home, InUse, origin_hash
from caia_witness.server import WitnessServer
from caia_witness.witness import Witness
from tlog.checkpoint import Malformed
from tlog.keys import KeyFileUnsafe, open_rotation
from tlog.notes import Unsigned


class Trouble(Exception):
    """What the operator has to know."""


def main() -> int:
    words = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    home = Home(words.folder)
    try:
        match words.command:
            case "init":
                _init(home, words)
            case "run":
                _run(home, words)
            case "trust":
                _trust(home, words)
            case "show":
                _show(home, words)
    except FileNotFoundError as error:
        print(f"caia_witness: {error.filename} is not there; run init first.", file=sys.stderr)
        return 2
    except (Trouble, InUse, KeyFileUnsafe, Malformed, Unsigned, OSError) as error:
        print(f"caia_witness: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="caia_witness", description="Watches that a record only ever grows.")
    parser.add_argument("--folder", type=Path, default=Path("witness"), help="where it keeps everything (./witness)")
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser("init", help="make the folder and its key; print what the portal must know")
    init.add_argument("--name", required=True, help="this witness's name, as witness.center.example")
    init.add_argument("--log", action="append", default=[], metavar="VKEY", help="a log to watch")
    init.add_argument("--ml-dsa", action="store_true", help="cosign with ML-DSA-44 as well")
    run = commands.add_parser("run", help="answer the portal until stopped")
    run.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; this machine only unless told otherwise"
    )
    run.add_argument("--port", type=int, default=8461, help="0 for any free port")
    run.add_argument(
        "--accept-earlier-clock", action="store_true", help="after the clock was wrongly ahead and put right"
    )
    trust = commands.add_parser("trust", help="watch a further log, or a log's new key")
    trust.add_argument("--log", metavar="VKEY")
    trust.add_argument("--rotation", type=Path, metavar="FILE", help="a log's signed change of key")
    show = commands.add_parser("show", help="its keys, the logs it watches, the newest checkpoint of each")
    show.add_argument(
        "--seen", action="store_true", help="every checkpoint it ever saw, as JSON lines for the verifier"
    )
    return parser


def _init(home: Home, words: argparse.Namespace) -> None:
    home.make(words.name, with_ml_dsa=words.ml_dsa)
    for vkey in words.log:
        home.trust(vkey)
    for line in _vkeys(home):
        print(line)


def _vkeys(home: Home) -> list[str]:
    keys = home.keys()
    return [str(key.verifier) for key in keys]


def _run(home: Home, words: argparse.Namespace) -> None:
    with home.locked():
        home.repair()
        home.logs()
        server = WitnessServer((words.host, words.port), Witness(home, accept_earlier_clock=words.accept_earlier_clock))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        if not ipaddress.ip_address(words.host).is_loopback:
            logging.warning("listening beyond this machine, on %s: put TLS in front of it", words.host)
        print(f"listening on http://{words.host}:{server.server_address[1]}/", flush=True)
        server.serve_forever(poll_interval=0.1)
        server.server_close()


def _trust(home: Home, words: argparse.Namespace) -> None:
    if bool(words.log) == bool(words.rotation):
        raise Trouble("say either --log or --rotation")
    if words.log:
        home.trust(words.log)
        return
    rotation = open_rotation(words.rotation.read_bytes())
    if rotation.old not in home.logs().get(rotation.origin, []):
        raise Trouble("the old key of this change is not one that this witness trusts")
    if rotation.new.name != rotation.origin:
        raise Trouble("the new key does not carry the log's name")
    home.trust(str(rotation.new))
    print(f"trusted from now on: {rotation.new}")
    print(f"when the log signs with it, take the old one out of {home.folder / 'logs'}")


def _show(home: Home, words: argparse.Namespace) -> None:
    if words.seen:
        for path in home.seen_files():
            sys.stdout.write(path.read_text(encoding="utf-8"))
        return
    for line in _vkeys(home):
        print(f"witness     {line}")
    for origin, keys in home.logs().items():
        note = home.head(origin)
        print(f"log         {origin} (/{origin_hash(origin)}/checkpoint)")
        for vkey in keys:
            print(f"  key       {vkey}")
        if note:
            at = datetime.fromtimestamp(home.time_of(note), UTC)
            print(f"  newest    {note.checkpoint().size} events, cosigned {at:%Y-%m-%d %H:%M:%S} UTC")
        else:
            print("  newest    none yet")


if __name__ == "__main__":
    sys.exit(main())
