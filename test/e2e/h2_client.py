"""A WebSocket over HTTP/2 (RFC 8441) that shares no code with the server: h2, and frames by hand.

Prints the texts that it gets and sends those that it reads, a line each.
"""

import os
import socket
import ssl
import struct
import sys
import threading
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import h2.settings

url = urlsplit(sys.argv[1])
context = ssl._create_unverified_context()
context.set_alpn_protocols(["h2"])
sock = context.wrap_socket(socket.create_connection((url.hostname, url.port)))
assert sock.selected_alpn_protocol() == "h2"

connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
lock = threading.Lock()
buffered = b""


def text(value) -> str:
    return value.decode() if isinstance(value, bytes) else value


def flush() -> None:
    sock.sendall(connection.data_to_send())


def send_frame(opcode: int, payload: bytes) -> None:
    """A masked frame, complete (RFC 6455, section 5.2)."""
    size = len(payload)
    length = bytes([128 | size]) if size < 126 else bytes([254]) + struct.pack(">H", size)
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    with lock:
        connection.send_data(stream, bytes([0x80 | opcode]) + length + mask + masked)
        flush()


def frames():
    """Complete frames of what has come."""
    global buffered
    while len(buffered) >= 2:
        size, start = buffered[1] & 127, 2
        if size == 126:
            size, start = struct.unpack(">H", buffered[2:4])[0], 4
        elif size == 127:
            size, start = struct.unpack(">Q", buffered[2:10])[0], 10
        if len(buffered) < start + size:
            return
        opcode, payload = buffered[0] & 15, buffered[start : start + size]
        buffered = buffered[start + size :]
        yield opcode, payload


def events():
    while data := sock.recv(65536):
        with lock:
            received = connection.receive_data(data)
            flush()
        yield from received


def send_lines() -> None:
    for line in sys.stdin:
        send_frame(1, line.strip().encode())
    send_frame(8, struct.pack(">H", 1000))


connection.initiate_connection()
flush()
incoming = events()
while not connection.remote_settings.get(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL):
    next(incoming)
stream = connection.get_next_available_stream_id()
connection.send_headers(
    stream,
    [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":authority", url.netloc),
        (":path", url.path),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "parley.v1, bearer." + os.environ["TOKEN"]),
    ],
)
flush()
for event in incoming:
    if isinstance(event, h2.events.ResponseReceived):
        headers = {text(name): text(value) for name, value in event.headers}
        assert headers[":status"] == "200", headers
        assert headers["sec-websocket-protocol"] == "parley.v1", headers
        threading.Thread(target=send_lines, daemon=True).start()
    elif isinstance(event, h2.events.DataReceived):
        with lock:
            connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            flush()
        buffered += event.data
        for opcode, payload in frames():
            if opcode == 1:
                print(payload.decode(), flush=True)
            elif opcode == 9:
                send_frame(10, payload)
            elif opcode == 8:
                print('{"event":"close","code":%d}' % struct.unpack(">H", payload[:2])[0], flush=True)
    elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
        break
