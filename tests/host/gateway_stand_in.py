"""A gateway for tests of the host alone: carries bytes to the sandbox's server, and answers on its control socket."""

import asyncio
import json
import signal
import sys
from pathlib import Path

TOLD = json.loads(Path(sys.argv[1]).read_text())
SPOOL = Path(TOLD["spool"]) / "events.jsonl"
FIGURES = {"bytes_out": 0, "window_bytes": 0, "denied": 0, "open_sockets": 0, "last_activity": None, "paused": False}


async def pour(reader, writer):
    try:
        while said := await reader.read(65536):
            writer.write(said)
            await writer.drain()
            FIGURES["bytes_out"] += len(said)
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    try:
        there, back = await asyncio.open_unix_connection(TOLD["server"])
    except OSError:
        writer.write(b"HTTP/1.1 503 Not there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()
        return
    await asyncio.gather(pour(reader, back), pour(there, writer))


async def control(reader, writer):
    said = (await reader.readuntil(b"\r\n\r\n")).decode()
    method, path, _ = said.split("\r\n")[0].split(" ")
    length = next((int(line[15:]) for line in said.lower().split("\r\n") if line.startswith("content-length:")), 0)
    body = await reader.readexactly(length)
    if method == "POST":
        tell({"kind": "denied", "method": method, "path": path, "why": json.loads(body or b"{}").get("reason", "")})
    answer = json.dumps(FIGURES).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode() + answer)
    await writer.drain()
    writer.close()


def tell(event):
    with SPOOL.open("a") as file:
        file.write(json.dumps({"at": "2026-11-24T00:00:00+00:00", **event}) + "\n")


async def main():
    tell({"kind": "signed_in"})
    await asyncio.start_unix_server(serve, TOLD["listen"])
    await asyncio.start_unix_server(control, TOLD["control"])
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()


asyncio.run(main())
