"""The XRootD client library with its time-outs pinned: import it from here alone.

Its own time-outs keep a job waiting for minutes to hours when a server is gone. They are short
here, and `server.Server` asks again for as long as an outage may last.
"""

from __future__ import annotations

import os

# Seconds, but for the retries. The library reads them when it is loaded; shell variables go first
# there, so that pinning is done in the environment.
PINNED = {
    "XRD_CONNECTIONWINDOW": 5,
    "XRD_CONNECTIONRETRY": 1,
    "XRD_STREAMERRORWINDOW": 1,
    "XRD_REQUESTTIMEOUT": 30,
    "XRD_STREAMTIMEOUT": 15,
    "XRD_TIMEOUTRESOLUTION": 1,
}
os.environ.update({name: str(value) for name, value in PINNED.items()})

from XRootD import client  # noqa: E402
from XRootD.client import env, flags  # noqa: E402

# Of no effect where the environment has been read already; needed where the library was loaded
# before this module.
for _name, _value in PINNED.items():
    env.EnvPutInt(_name.removeprefix("XRD_").lower(), _value)

__all__ = ["PINNED", "client", "flags"]
