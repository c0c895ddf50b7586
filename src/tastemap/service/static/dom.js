// What all scripts of the explorer share.

export const root = document.documentElement.dataset.root;
export const thing = { one: document.documentElement.dataset.one, many: document.documentElement.dataset.many };

export const counted = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** An element with attributes and children; text is text, whatever it holds. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export const itemUrl = (id) => `${root}/item?id=${encodeURIComponent(id)}`;

/** A number as on the pages the server writes: a true minus, a dash where there is none. */
export function figure(value, decimals = 2, sign = false) {
  if (value === null || value === undefined) return "–";
  const text = value.toFixed(decimals).replace(/^-(?=0\.?0*$)/, "").replace("-", "−");
  return sign && value > 0 ? `+${text}` : text;
}

/** Ids beyond 2^53 stay exact: they are kept as the text that stood in the answer. */
const exactIds = (key, value, context) =>
  key.endsWith("_id") && typeof value === "number" && !Number.isSafeInteger(value) ? context?.source ?? value : value;

/** The data that the server put into the page. */
export const given = (id) => JSON.parse(document.getElementById(id).textContent, exactIds);

export class Refused extends Error {
  constructor(status, sentence, retryAfter) {
    super(sentence);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** The JSON of an answer; raises Refused with a sentence for people if there is none. */
export async function ask(path, { body, signal } = {}) {
  const options = { signal, headers: { accept: "application/json" } };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer, text;
  try {
    answer = await fetch(root + path, options);
    text = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "The server cannot be reached.", null);
  }
  let found = null;
  try {
    found = JSON.parse(text, exactIds);
  } catch {
    if (answer.ok) throw new Refused(answer.status, "The server sent something unreadable.", null);
  }
  if (answer.ok) return found;
  const said = found?.error?.message ?? `The server answered with status ${answer.status}.`;
  throw new Refused(answer.status, said, Number(answer.headers.get("retry-after")) || null);
}

/** Whatever this function starts, only the answer to its latest call counts. */
export function latest() {
  let running = null;
  return async (work) => {
    running?.abort();
    const own = (running = new AbortController());
    try {
      const found = await work(own.signal);
      return own === running ? { found } : { late: true };
    } catch (error) {
      if (own !== running || error.name === "AbortError") return { late: true };
      return { error };
    }
  };
}

const SVG = "http://www.w3.org/2000/svg";

/** A part of a picture; its looks come from classes and attributes, never from a style attribute. */
export function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
