// A member's equation as the page has drawn it, out of sight: its letters and their sheet are the
// page's, so that it looks here as on every other page.

const LEAST = 0.8; // of the letters' size, where an equation is wider than its card

/** @type {CSSStyleSheet | null} */
let sheet = null;

// What the page's sheets say of equations, for a shadow root that they do not reach.
function rules() {
  if (sheet?.cssRules.length) return sheet;
  const found = [];
  for (const one of document.styleSheets) {
    try {
      for (const rule of one.cssRules) if (rule.cssText.startsWith(".katex")) found.push(rule.cssText);
    } catch {
      // of another origin: none of the page's own
    }
  }
  sheet = new CSSStyleSheet();
  sheet.replaceSync(found.join("\n"));
  return sheet;
}

/**
 * Show a member's equation and what its symbols stand for; again when the page has drawn them.
 * @param {HTMLElement} place For the equation.
 * @param {HTMLElement} legend For its symbols.
 * @param {string} name
 */
export function showEquation(place, legend, name) {
  const drawn = document.querySelector(`.st-key-equation-of-${CSS.escape(name)}`);
  const equation = drawn?.querySelector(".katex-display");
  const symbols = drawn?.querySelector('[data-testid="stCaptionContainer"] p');
  const shadow = /** @type {ShadowRoot} */ (place.getRootNode());
  if (equation) shadow.adoptedStyleSheets = [rules()];
  place.replaceChildren(...(equation ? [equation.cloneNode(true)] : []));
  legend.replaceChildren(...(symbols ? symbols.cloneNode(true).childNodes : []));
  fit(place);
}

/**
 * Letters as large as the card has room for.
 * @param {HTMLElement} place
 */
export function fit(place) {
  place.style.fontSize = "";
  if (!place.clientWidth) return;
  const share = place.clientWidth / place.scrollWidth;
  if (share < 1) place.style.fontSize = `${Math.max(LEAST, 0.98 * share)}rem`;
}

/**
 * Call `changed` when the page has drawn an equation, until the way that this returns is taken.
 * @param {() => void} changed
 */
export function watchEquations(changed) {
  const observer = new MutationObserver((records) => {
    const ours = records.some(({ target }) =>
      target instanceof Element && target.closest(".st-key-equations"));
    if (ours) changed();
  });
  observer.observe(document.body, { childList: true, subtree: true });
  return () => observer.disconnect();
}
