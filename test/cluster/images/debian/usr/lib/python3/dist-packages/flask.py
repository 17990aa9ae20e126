# SPDX-License-Identifier: Apache-2.0
"""As much of Flask as /main.py uses: Debian's minimal Python has no http.server, and Flask takes seconds to start."""
import socket
import threading


class Request:
    def get_data(self):
        return b""


request = Request()


class Flask:
    def __init__(self, name):
        self.routes = {}

    def route(self, path, methods=("GET",)):
        def add(function):
            self.routes[path] = function
            return function
        return add

    def run(self, host, port=5000):
        listener = socket.create_server((host, port), backlog=16)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                more = connection.recv(4096)
                if not more:
                    return
                head += more
            function = self.routes.get(head.split()[1].decode())
            body = (function() if function else "not found").encode()
            status = "200 OK" if function else "404 Not Found"
            connection.sendall(
                f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
