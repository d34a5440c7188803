#!/usr/bin/env python3
"""Keeps notes in a directory, one file each, over HTTP: a small application as people write it.

Usage: notes.py PORT DIRECTORY

It has no entity tags and no dates, and knows nothing of preconditions and ranges. It stores as
much of a note as arrives.
"""

import http.server
import os
import sys
import tempfile
import urllib.parse


class Notes(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def file(self):
        name = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        return os.path.join(sys.argv[2], os.path.basename(name))

    def answer(self, status, content=b""):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_GET(self):
        try:
            with open(self.file(), "rb") as note:
                self.answer(200, note.read())
        except OSError:
            self.answer(404, b"no such note\n")

    do_HEAD = do_GET

    def do_PUT(self):
        if "Content-Length" not in self.headers:
            self.close_connection = True
            self.answer(411)
            return
        content = self.rfile.read(int(self.headers["Content-Length"]))
        existed = os.path.exists(self.file())
        aside = tempfile.NamedTemporaryFile(dir=sys.argv[2], prefix=".", delete=False)
        with aside:
            aside.write(content)
        os.replace(aside.name, self.file())
        self.answer(204 if existed else 201)

    def do_DELETE(self):
        try:
            os.remove(self.file())
        except OSError:
            self.answer(404, b"no such note\n")
        else:
            self.answer(204)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


Server(("127.0.0.1", int(sys.argv[1])), Notes).serve_forever()
