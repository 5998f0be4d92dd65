// Links that a person hands to others.

const HERE = /^(localhost|.*\.localhost|127(\.\d{1,3}){3}|\[::1\]|0\.0\.0\.0|\[::\])$/;

/**
 * A link as others can open it: under the address by which this page was reached, or, where that
 * one means the visitor's own machine, under the one by which the server says others reach it.
 * `alone` where only this machine can open it.
 * @param {string} link Relative to the page.
 * @param {string} page The page's own address.
 * @param {string} reach Address of the server for others; empty where there is none.
 * @returns {{ href: string, alone: boolean }}
 */
export function forOthers(link, page, reach) {
  const found = new URL(link, page);
  if (!HERE.test(found.hostname)) return { href: found.href, alone: false };
  if (!reach) return { href: found.href, alone: true };
  const other = new URL(reach);
  found.protocol = other.protocol;
  found.host = other.host;
  return { href: found.href, alone: false };
}
