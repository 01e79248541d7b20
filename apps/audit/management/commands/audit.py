"""The record from the command line: does it hold, prove it, export it."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from psycopg import Error as DriverError

from apps.audit import exports
from apps.audit.gateways import Said, ask_witnesses
from apps.audit.traces import missing_events
from apps.audit.verification import Report, verify
from tlog.merkle import ProofFailed
from tlog.tiles import TileBroken, TileMissing

HOLDS, BROKEN, UNSEEN = 0, 1, 2
VERDICTS = ("IT HOLDS.", "IT IS BROKEN.", "NOT ALL OF IT COULD BE LOOKED AT.")


class Command(BaseCommand):
    """Exit code: 0 it holds, 1 it is broken, 2 it (or a part that was asked for) could not be looked at."""

    help = "Verify, prove and export the record."

    def add_arguments(self, parser: ArgumentParser) -> None:
        tasks = parser.add_subparsers(dest="task", required=True)
        looking = tasks.add_parser("verify", help="check every entry, head and governed row, or a range of entries")
        looking.add_argument("--from", dest="start", type=int, default=0, metavar="N", help="the first entry to check")
        looking.add_argument("--to", dest="end", type=int, metavar="N", help="the first entry not to check")
        looking.add_argument("--no-rows", action="store_true", help="leave the governed tables out")
        looking.add_argument("--witnesses", action="store_true", help="ask each center's witness what it has seen")
        looking.add_argument(
            "--log", action="append", default=[], type=Path, metavar="FILE", help="compare with the portal's JSON log"
        )
        looking.add_argument("--json", action="store_true", help="the report as JSON")
        proving = tasks.add_parser("prove", help="print an event, and the proof that it is in the record (tlog-proof)")
        proving.add_argument("id", type=UUID)
        growing = tasks.add_parser("consistency", help="print the proof that one signed head continues another")
        growing.add_argument("old", type=int)
        growing.add_argument("new", type=int)
        leaving = tasks.add_parser("export", help="write a bundle for verifier/caia_verify.py")
        leaving.add_argument("file", type=Path)
        leaving.add_argument("--from", dest="start", type=int, metavar="N", help="the first entry; all without it")
        leaving.add_argument("--to", dest="end", type=int, metavar="N", help="the first entry to leave out")
        leaving.add_argument("--ids", nargs="+", type=UUID, metavar="ID", help="only these events and their rows")
        leaving.add_argument("--quorum", type=int, default=0, metavar="N", help="under a head that N centers have seen")
        leaving.add_argument("--plain", action="store_true", help="as text, not packed with gzip")

    def handle(self, *, task: str, **options: Any) -> None:
        tasks = {"verify": self._verify, "prove": self._prove, "consistency": self._consistency, "export": self._export}
        try:
            code = tasks[task](options)
        except (exports.NotThere, Error, DriverError, OSError, ValueError) as error:
            raise CommandError(f"It could not be looked at: {error}", returncode=UNSEEN) from error
        except (ProofFailed, TileBroken, TileMissing) as error:
            raise CommandError(f"{VERDICTS[BROKEN]} {error}.", returncode=BROKEN) from error
        if code:
            raise SystemExit(code)

    def _verify(self, options: dict[str, Any]) -> int:
        tiles = exports.tiles_at_hand()
        start, end = options["start"], options["end"]
        if start < 0 or (end is not None and end <= start):
            raise ValueError("a range goes from an entry to a later one")
        report = verify(start=start, end=end, rows=not options["no_rows"], tiles=tiles)
        if report.holds and max(start + 1, end or 0) > max(report.size, 1):
            raise ValueError(f"the record has {report.size} entries")
        for path in options["log"]:
            with path.open(encoding="utf-8", errors="replace") as log:
                for pk, kind in missing_events(log):
                    report.found(f"{kind} {pk} was recorded, says {path}, and is not in the record: it was removed.")
        said = ask_witnesses() if options["witnesses"] else []
        for one in said:
            if one.agrees is False:
                is_beyond = one.size is not None and one.size > report.size
                report.found(f"{one.center}'s witness {one.words}.", report.size if is_beyond else None)
        is_unseen = options["witnesses"] and (not said or any(one.agrees is None for one in said))
        code = BROKEN if not report.holds else UNSEEN if is_unseen else HOLDS
        if options["json"]:
            more = {"exit": code, "tiles": tiles is not None, "witnesses": [asdict(one) for one in said]}
            self.stdout.write(json.dumps(asdict(report) | more, ensure_ascii=False, indent=1))
        else:
            self._say(report, said, code, has_tiles=tiles is not None)
            if start or end is not None:
                asked = f"{start} to {end}" if end is not None else f"{start} on"
                self.stdout.write(f"You asked for the entries from {asked}; a range is widened to signed heads.")
        return code

    def _say(self, report: Report, said: list[Said], code: int, *, has_tiles: bool) -> None:
        self.stdout.write(VERDICTS[code])
        for words in report.wrong:
            self.stdout.write(f"  - {words}")
        if report.first_bad is not None:
            self.stdout.write(f"First bad entry: {report.first_bad}")
        looked = f"{report.entries:,} entries from {report.start} on, {report.checkpoints:,} signed heads"
        rows = f"{report.rows:,} governed rows" if report.rows_checked else "no governed rows"
        self.stdout.write(f"Looked at {looked} and {rows}.")
        if report.unsigned_from is not None:
            self.stdout.write(f"Not signed yet: entry {report.unsigned_from} and those after it.")
        for table, count in report.noted_anew.items():
            words = f"{count:,} rows of {table} were noted anew by the owner of the database, as a migration does"
            self.stdout.write(f"{words}: what they held before is not compared with what they hold now.")
        if not has_tiles:
            self.stdout.write("The published tiles are not at hand: a changed entry can be named only roughly.")
        for one in said:
            self.stdout.write(f"{one.center}'s witness {one.words}.")

    def _prove(self, options: dict[str, Any]) -> int:
        text, proof = exports.inclusion_text(options["id"])
        self.stdout.write(f"{text}\n\n{proof}", ending="")
        return HOLDS

    def _consistency(self, options: dict[str, Any]) -> int:
        self.stdout.write(exports.consistency_text(options["old"], options["new"]), ending="")
        return HOLDS

    def _export(self, options: dict[str, Any]) -> int:
        path, more = options["file"], {"quorum": options["quorum"], "packed": not options["plain"]}
        if options["ids"]:
            head = exports.export_events(path, options["ids"], **more)
        elif options["start"] is None and options["end"] is None:
            head = exports.export_whole(path, **more)
        else:
            head = exports.export_span(path, options["start"] or 0, options["end"], **more)
        seen = f"seen by {', '.join(head.centers)}" if head.centers else "seen by no center yet"
        self.stdout.write(f"{path} is written, under the head of {head.checkpoint.size:,} entries, {seen}.")
        self.stdout.write(f"Check it with: python3 verifier/caia_verify.py {path}")
        return HOLDS
