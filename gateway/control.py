"""The host's own door: a socket that nobody else may open."""

from __future__ import annotations

from aiohttp import web

from gateway.run import Run


def control(run: Run) -> web.Application:
    """What the host may ask and say."""

    async def figures(_: web.Request) -> web.Response:
        return web.json_response(run.figures())

    async def close(request: web.Request) -> web.Response:
        try:
            reason = (await request.json())["reason"]
        except (ValueError, KeyError, TypeError):
            reason = None
        if not isinstance(reason, str) or not reason:
            return web.json_response({"message": "A reason is needed."}, status=400)
        run.close(reason[:500])
        return web.json_response(run.figures())

    async def pause(_: web.Request) -> web.Response:
        await run.pause()
        return web.json_response(run.figures())

    async def resume(_: web.Request) -> web.Response:
        await run.resume()
        return web.json_response(run.figures())

    door = web.Application(client_max_size=64 * 1024)
    door.add_routes([
        web.get("/figures", figures), web.post("/close", close), web.post("/pause", pause), web.post("/resume", resume),
    ])  # fmt: skip
    return door
