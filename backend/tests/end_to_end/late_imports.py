"""Run as a program: tells what a worker imports by itself, after the parent has made all ready.

What is imported before the fork is there once; after it, each worker has it for itself.
"""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial

import uvloop

from taskwell.configuring import load_settings
from taskwell.main import create_app
from taskwell.server.connections import Connections
from taskwell.server.protocol import Http
from taskwell.server.rehearsal import rehearse
from taskwell.server.worker import configuration

ASK = b"GET /tasks HTTP/1.1\r\nHost: taskwell.test\r\nConnection: close\r\n\r\n"


def main() -> None:
    app = create_app(load_settings())
    config = configuration(app)
    rehearse(app)
    before = set(sys.modules)

    async def work() -> None:
        lifespan = config.lifespan_class(config)
        await lifespan.startup()
        protocol = partial(
            Http, config=config, server_state=Connections(), app_state=lifespan.state
        )
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(protocol, sys.argv[1])
        reader, writer = await asyncio.open_unix_connection(sys.argv[1])
        writer.write(ASK)
        assert (await reader.read()).startswith(b"HTTP/1.1 401 ")
        writer.close()
        server.close()
        await lifespan.shutdown()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())
    json.dump(sorted(set(sys.modules) - before), sys.stdout)


if __name__ == "__main__":
    main()
