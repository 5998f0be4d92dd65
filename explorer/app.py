"""What `streamlit run explorer/app.py` starts: the pages, and the route of the runs' files."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402

from explorer.entrance import Entrance  # noqa: E402
from explorer.guard import Guard  # noqa: E402
from explorer.serving import ENTRIES, Preload, lifespan, routes  # noqa: E402
from explorer.uploads import Uploads  # noqa: E402

before = [
    Middleware(Guard),
    Middleware(Uploads),
    Middleware(Preload),
    Middleware(Entrance, pages=frozenset(ENTRIES)),
]
app = st.App("main.py", routes=routes(), lifespan=lifespan, middleware=before)
