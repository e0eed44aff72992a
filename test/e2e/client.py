"""A client of the protocol that shares no code with the server: prints what it gets, sends what it reads."""

import asyncio
import os
import sys

import websockets


async def main() -> None:
    protocols = ["parley.v1", "bearer." + os.environ["TOKEN"]]
    async with websockets.connect(sys.argv[1], subprotocols=protocols) as socket:
        assert socket.subprotocol == "parley.v1"
        if os.environ.get("COMPRESSED"):
            # It moved between versions of websockets.
            (deflate,) = getattr(socket, "protocol", socket).extensions
            assert deflate.name == "permessage-deflate"
            assert deflate.remote_no_context_takeover and deflate.local_no_context_takeover

        async def receive() -> None:
            async for message in socket:
                print(message, flush=True)

        receiving = asyncio.create_task(receive())
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            await socket.send(line.strip())
        await socket.close()
        await receiving


asyncio.run(main())
