"""urllib3: a PoolManager and a pool of connections, shared by threads; the server is another thread of the program."""

import contextlib
import http.server
import threading

import urllib3

from together import together


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/here")
            self.answer(b"")
        else:
            self.send_response(200)
            self.answer(self.path.encode() * 50)

    def do_POST(self):
        self.send_response(200)
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body):
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


@contextlib.contextmanager
def serving():
    """The port of a server that answers while the block runs."""
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def clean_manager_of_each_thread():
    with serving() as port:

        def work():
            with urllib3.PoolManager() as manager:
                for turn in range(3):
                    assert manager.request("GET", f"http://127.0.0.1:{port}/{turn}").data == f"/{turn}".encode() * 50

        # Once before: the first use of a connection chooses how to wait for a socket, for all (see below).
        work()
        together(work, work)


def race_shared_manager():
    """HTTPConnectionPool.num_requests -- `self.num_requests += 1`, of all threads, for statistics: some may get lost
    ? HTTPConnectionPool.num_connections -- `self.num_connections += 1`, as num_requests
    ? global wait_for_socket -- as in race_choice_of_how_to_wait
    """
    with serving() as port, urllib3.PoolManager(num_pools=2, maxsize=2, retries=3) as manager:
        meeting = threading.Barrier(3)

        def work():
            held = manager.request("GET", f"http://127.0.0.1:{port}/held", preload_content=False)
            meeting.wait(240)  # each thread has its own connection
            assert b"".join(held.stream(16)) == b"/held" * 50
            held.release_conn()
            for turn in range(5):
                assert manager.request("GET", f"http://127.0.0.1:{port}/{turn}").data == f"/{turn}".encode() * 50
                assert manager.request("GET", f"http://127.0.0.1:{port}/elsewhere").data == b"/here" * 50
                assert b"name=" in manager.request("POST", f"http://127.0.0.1:{port}/", body=b"name=1").data

        together(work, work, work)


def race_connections_of_one_pool():
    """HTTPConnectionPool.num_connections -- `self.num_connections += 1`, for statistics: some may get lost
    HTTPConnectionPool.num_requests -- as num_connections
    ? global wait_for_socket -- as in race_choice_of_how_to_wait
    """
    with serving() as port, urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=2, block=True) as pool:
        meeting = threading.Barrier(2)

        def work():
            for turn in range(3):
                held = pool.request("GET", f"/{turn}", preload_content=False)
                meeting.wait(240)
                assert held.read() == f"/{turn}".encode() * 50
                held.release_conn()
                meeting.wait(240)

        together(work, work)


def race_choice_of_how_to_wait():
    """global wait_for_socket -- the first connection that is used again chooses between poll() and select(), and binds
    global wait_for_socket -- the global name to the function that it chose. Every thread chooses the same one.
    ? HTTPConnectionPool.num_ -- the statistics, as above
    """
    from urllib3.util import wait

    wait.wait_for_socket = CHOICE  # as if nothing had been connected in this process
    with serving() as port, urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=2, block=True) as pool:
        meeting = threading.Barrier(2)

        def work():
            for _ in range(2):  # the second time, with connections that have been used
                held = pool.request("GET", "/", preload_content=False)
                meeting.wait(240)
                held.read()
                held.release_conn()
                meeting.wait(240)

        together(work, work)


CHOICE = urllib3.util.wait.wait_for_socket
