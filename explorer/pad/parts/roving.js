// Buttons in rows, of which one is in the order of tabs and arrows lead to the others.

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Let arrows lead from one of these buttons to the next, `columns` in a row.
 * @param {HTMLElement} box That holds them all.
 * @param {HTMLButtonElement[]} buttons Row after row.
 * @param {number} columns
 */
export function roving(box, buttons, columns) {
  buttons.forEach((button, i) => {
    button.tabIndex = i ? -1 : 0;
    button.addEventListener("focus", () => {
      for (const other of buttons) other.tabIndex = other === button ? 0 : -1;
    });
  });
  box.onkeydown = (event) => {
    const step = STEPS[event.key];
    const from = buttons.indexOf(/** @type {any} */ (event.target));
    if (!step || from < 0) return;
    event.preventDefault();
    const column = (from % columns) + step[0];
    if (column >= 0 && column < columns) buttons[from + step[0] + columns * step[1]]?.focus();
  };
}
