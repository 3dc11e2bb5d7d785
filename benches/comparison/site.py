"""What both servers serve: one configuration, a few files, and what is asked for."""

import os
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

MANY = 10_000
IDLE = 10_000
STEADY = 20_000  # requests a second, a load that neither server is busy with


@dataclass(frozen=True)
class Workload:
    """What is asked for. `kind`: how it is measured (as many requests as are answered; a fixed number of them a second;
    idle connections; a test of a configuration)."""

    name: str
    says: str
    path: str = ""
    connections: int = 64
    tls: bool = False
    closes: bool = False
    gzip: bool = False
    fails: bool = False
    many: bool = False
    workers: int = 1
    kind: str = "load"

    @property
    def place(self) -> str:
        """The directory with the configuration for it."""
        return f"{'many' if self.many else 'few'}-{self.workers}"


WORKLOADS = [
    Workload("return-200", "a fixed answer, logged", "/fixed"),
    Workload("static-1k", "a file of 1 KiB, logged", "/1k.txt"),
    Workload("static-1k-nolog", "the same without a log", "/quiet/1k.txt"),
    Workload("static-100k", "a file of 100 KiB", "/100k.txt"),
    Workload("static-10m", "a file of 10 MiB", "/10m.bin", connections=8),
    Workload("static-404", "a file that is missing, with its line in the error log", "/none.txt", fails=True),
    Workload("rewrite-1k", "patterns that miss, a rewrite, a file of 1 KiB", "/rewritten/1k.txt"),
    Workload("gzip-100k", "100 KiB of text, compressed at level 5", "/zipped/text.txt", connections=16, gzip=True),
    Workload("proxy-1k", "1 KiB from an application, connections kept", "/app/"),
    Workload("proxy-100k", "100 KiB from an application", "/large/"),
    Workload("proxy-newconn", "a connection to the application for each request", "/fresh/", connections=32),
    Workload("short-conn", "a connection of the client for each request", "/1k.txt", connections=32, closes=True),
    Workload("tls-1k", "a file of 1 KiB over TLS", "/1k.txt", tls=True),
    Workload("tls-100k", "a file of 100 KiB over TLS", "/100k.txt", connections=16, tls=True),
    Workload("tls-handshake", "a handshake for each request", "/1k.txt", connections=16, tls=True, closes=True),
    Workload("idle-10k", "memory with 10,000 connections that wait", "/1k.txt", connections=IDLE, kind="idle"),
    Workload("conf-10k", "`-t` of 10,000 servers", many=True, kind="check"),
    Workload("route-10k", "static-1k among those 10,000 servers", "/1k.txt", many=True),
    Workload("two-workers", "static-1k by two workers, on two CPUs that the load is on, too", "/1k.txt", workers=2),
    Workload("steady", f"static-1k, {STEADY:,} requests a second, no more", "/1k.txt", kind="steady"),
]
BY_NAME = {w.name: w for w in WORKLOADS}

CONFIGURATION = r"""
daemon off;
worker_processes {workers};
worker_rlimit_nofile {files};
pid run/server.pid;
error_log logs/error.log error;

events {{
    worker_connections {connections};
}}

http {{
    types {{
        text/html  html;
        text/plain txt;
    }}
    default_type application/octet-stream;

    log_format visits '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" "$http_user_agent"';
    access_log logs/access.log visits;

    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;

    client_body_temp_path run/body;
    proxy_temp_path run/proxy;
    fastcgi_temp_path run/fastcgi;
    uwsgi_temp_path run/uwsgi;
    scgi_temp_path run/scgi;

    map $http_user_agent $phone {{
        default    0;
        ~*iphone   1;
        ~*android  1;
    }}

    upstream app {{
        server 127.0.0.1:{app};
        keepalive 128;
    }}
    upstream large {{
        server 127.0.0.1:{large};
        keepalive 128;
    }}

    server {{
        listen 127.0.0.1:{plain} backlog=4096;
        server_name localhost;
        root html;

        location / {{
            index index.html;
        }}
        location = /fixed {{
            return 200 "here\n";
        }}
        location /quiet/ {{
            access_log off;
            alias html/;
        }}
        location /zipped/ {{
            alias html/;
            gzip on;
            gzip_comp_level 5;
            gzip_types text/plain;
        }}
        location /app/ {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
        location /large/ {{
            proxy_pass http://large;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
        location /fresh/ {{
            proxy_pass http://127.0.0.1:{fresh};
        }}
        location /rewritten/ {{
            rewrite ^/rewritten/(.+)$ /$1 break;
        }}
        location ~ \.php$ {{
            return 404;
        }}
        location ~* ^/previous/(.*)$ {{
            return 301 /now/$1;
        }}
    }}

    server {{
        listen 127.0.0.1:{tls} ssl backlog=4096;
        server_name localhost;
        root html;
        ssl_certificate site.pem;
        ssl_certificate_key site.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache off;
        ssl_session_tickets off;
    }}
{others}}}
"""

OTHER = r"""
    server {{
        listen 127.0.0.1:{plain};
        server_name site{i}.example.com *.sub{i}.example.com;
        root html;
        location / {{
            index index.html;
        }}
        location /service{i}/ {{
            proxy_pass http://app;
        }}
        location ~ ^/scripts{i}/(.*)\.php$ {{
            return 404;
        }}
    }}
"""


def make(place: Path, ports: dict, files: int, workload: Workload) -> None:
    """Writes configuration and files into a directory that both servers use, one after the other."""
    for name in ("html", "conf", "logs", "run"):
        (place / name).mkdir(parents=True)
    # The workers may be another user's.
    os.chmod(place, 0o755)
    html = place / "html"
    (html / "index.html").write_text("<p>The servers are compared here.</p>\n")
    (html / "1k.txt").write_bytes(b"1" * 1024)
    (html / "100k.txt").write_bytes(b"2" * 100 * 1024)
    (html / "10m.bin").write_bytes(random.Random(10).randbytes(10 * 1024 * 1024))
    (html / "text.txt").write_text(prose(100 * 1024))
    certificate(place / "conf")
    others = "".join(OTHER.format(i=i, **ports) for i in range(MANY)) if workload.many else ""
    connections = min(files - 100, 32_768)
    text = CONFIGURATION.format(files=files, connections=connections, others=others, workers=workload.workers, **ports)
    (place / "conf/nginx.conf").write_text(text)


def prose(length: int) -> str:
    """Text that compresses about as pages do."""
    words = ("gate good server page request answer the a of and which is not with for on by from line name field "
             "address length time cache header body method path query status reason connection").split()
    chance, text = random.Random(5), []
    for _ in range(length // 4):
        text.append(chance.choice(words) if chance.random() < 0.9 else str(chance.randrange(10**6)))
    return " ".join(text)[:length]


def certificate(place: Path) -> None:
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "site.key"]
    about = ["-out", "site.pem", "-days", "7", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(["openssl", "req", "-x509", *key, *about], cwd=place, check=True, capture_output=True)
