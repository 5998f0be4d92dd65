"""The latent pads as Streamlit components: plain JavaScript modules, served by the app itself.

The page passes a pad only ids, addresses and texts; the pad fetches what it needs from the
app's own route, once for each browser.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from explorer import state

FOLDER = Path(__file__).parent

# Streamlit calls the default export again whenever data changes; the pad itself stays.
_STARTER = """
const pads = new WeakMap();
// Before the page's first pad has grown, what stands below it is in sight for a moment.
const firstIsThere = () => {
  if ("arriving" in document.documentElement.dataset) return false;
  const first = document.querySelector('[class*="st-key-pad-"]');
  return [...first.querySelectorAll("*")].some((one) => one.shadowRoot?.querySelector(".pad"));
};
// A pad that waits asks for nothing until somebody scrolls to where it will stand.
const inSight = (held, parentElement) => new Promise((done) => {
  const place = parentElement.appendChild(document.createElement("div"));
  place.className = "pad waits"; // what the pad itself takes the place of
  held.watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    held.watch.disconnect();
    if (firstIsThere()) done();
    else setTimeout(() => held.gone || held.watch.observe(place), 250);
  }, { rootMargin: "200px" });
  held.watch.observe(place);
});
export default function (component) {
  const { parentElement, setTriggerValue } = component;
  const [data, page] = component.data;
  let held = pads.get(parentElement);
  if (page.said?.lang) document.documentElement.lang = page.said.lang; // groups a number's digits
  if (!held) {
    held = { latest: { parentElement, data, page, setTriggerValue }, pad: null };
    pads.set(parentElement, held);
    (data.waits ? inSight(held, parentElement) : Promise.resolve())
      .then(() => import(new URL(data.module, document.baseURI).href))
      .then((module) => module.mount(held.latest))
      .then((pad) => {
        held.pad = pad;
        if (held.gone) pad.destroy();
        else pad.update(held.latest.data);
        // The page has arrived with its first pad.
        const first = document.querySelector('[class*="st-key-pad-"]');
        if (first?.contains(parentElement.getRootNode().host)) {
          delete document.documentElement.dataset.arriving;
        }
      })
      .catch((error) => {
        delete document.documentElement.dataset.arriving;
        const line = document.createElement("p");
        line.className = "failed";
        line.setAttribute("role", "alert");
        line.textContent = data.text.failed.replace("{error}", error.message);
        parentElement.appendChild(line);
      });
  } else {
    held.latest = { parentElement, data, page, setTriggerValue };
    if (held.pad) held.pad.update(data);
  }
  return () => {
    held.gone = true;
    pads.delete(parentElement);
    held.watch?.disconnect();
    if (held.pad) held.pad.destroy();
  };
}
"""

# What all pads share, then what some do, then each page's own sheet.
_SHEETS = [
    FOLDER / "parts" / "pad.css",
    *sorted(set(FOLDER.glob("parts/*.css")) - {FOLDER / "parts" / "pad.css"}),
    *sorted(set(FOLDER.glob("pages/*.css")) - {FOLDER / "pages" / "keeper.css"}),
]

_mount = st.components.v2.component(
    "latent_pad",
    css="\n".join(path.read_text(encoding="utf-8") for path in _SHEETS),
    js=_STARTER,
)

_keep = st.components.v2.component("keeper", js=_STARTER)


def latent_pad(
    module: str,
    data: dict[str, Any],
    key: str,
    tells: dict[str, Callable[[Any], None]] | None = None,
    waits: bool = False,
) -> None:
    """Show a pad.

    Args:
        module: address of the JavaScript module that mounts it.
        data: what the pad needs: addresses, ids and `text`; plain JSON.
        key: names this pad on the page.
        tells: what the pad may tell the page, and what to do then, before the page is drawn anew.
        waits: whether its module is asked for only when somebody scrolls to it.
    """
    key = f"pad-{key}"
    listeners = {
        f"on_{name}_change": lambda name=name, then=then: then(state.told(key, name))
        for name, then in (tells or {}).items()
    }
    # In a list, because Streamlit loads pandas (a second) to look for tables in a dict.
    _mount(key=key, data=[{"module": module, "waits": waits, **data}, state.address()], **listeners)


def keeper(module: str, data: dict[str, Any]) -> None:
    """Let the browser's address bar, and the document, say of the page what `explorer.state.end`
    gives. It shows nothing."""
    told = {"module": module, "text": {"failed": "{error}"}, **data}
    _keep(
        key="keeper",
        data=[told, {}],
        on_left_change=lambda: state.left(state.told("keeper", "left")),
    )
