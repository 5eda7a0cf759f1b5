"""A bad network before a server: slow, or with flipped bits. Run as a process of its own.

usage: tcp_proxy.py PORT SERVER_PORT BYTES_PER_SECOND MARKER

Bytes equal to MARKER are replaced on their way, in both directions; `-` is no marker. 0 bytes per
second: as fast as it goes.
"""

from __future__ import annotations

import asyncio
import sys

BLOCK = 1 << 16


async def pass_on(reader, writer, rate: int, marker: bytes) -> None:
    """Copy one direction of a connection until it ends."""
    held = b""
    try:
        while block := await reader.read(BLOCK):
            if marker:
                block = (held + block).replace(marker, b"~" * len(marker))
                # The marker may lie across two blocks; what may be its beginning waits.
                keep = next(
                    (n for n in range(len(marker) - 1, 0, -1) if block[-n:] == marker[:n]), 0
                )
                block, held = (block[:-keep], block[-keep:]) if keep else (block, b"")
            writer.write(block)
            await writer.drain()
            if rate and len(block) > 1024:
                await asyncio.sleep(len(block) / rate)
    except ConnectionError as error:
        # One of both is gone: the end of this direction, as the other side is to see it.
        print(f"connection ended: {error!r}", file=sys.stderr, flush=True)
    finally:
        writer.close()


async def main(port: int, server_port: int, rate: int, marker: bytes) -> None:
    """Listen for ever."""

    async def connected(reader, writer) -> None:
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", server_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(
            pass_on(reader, forth, rate, marker), pass_on(back, writer, rate, marker)
        )

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    word = sys.argv[4].encode()
    asyncio.run(
        main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), b"" if word == b"-" else word)
    )
