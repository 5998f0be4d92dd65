// What is asked of the server, in the page's language.

/**
 * Headers of a request, with the page's language, in which the server then says what it refuses.
 * @param {Record<string, string>} headers
 * @returns {Record<string, string>}
 */
export function inLanguage(headers = {}) {
  const language = new URLSearchParams(globalThis.location?.search).get("lang");
  return language ? { ...headers, "Accept-Language": language } : headers;
}

/** @param {string} url */
export async function fetchBytes(url) {
  const answer = await fetch(url, { headers: inLanguage() });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.arrayBuffer();
}
