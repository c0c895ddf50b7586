// A list of items with the reasons of each, as the page shows it.
import { counted, drawn, element, figure, given, itemUrl, thing } from "./dom.js";
import { because, isStars } from "./rate.js";

const page = given("page-data");

export const nameOf = (item) => item.title ?? `${thing.one} ${item.item_id}`;

/** By what a list is in its order; of items made to differ, neither stars nor people fall from place to place. */
export function orderOf(basis, differs) {
  if (basis === "popularity") {
    return differs ? "Until you rate something, these are well known and differ from each other; beside each, how many know it."
      : "Until you rate something, this is what most people know; beside it, how many.";
  }
  return `${differs ? "Good ones that differ from each other" : "The best first"}, by what you ${isStars ? "rated" : "like"}.`;
}

const WIDE = 60;

/** A bar from zero: to the right what speaks for the item, to the left what speaks against it. */
function bar(value, { low, high }) {
  const place = (amount) => (high > low ? (WIDE * (amount - low)) / (high - low) : 0);
  const long = Math.max(place(Math.abs(value)) - place(0), 0.5);
  const zero = place(0);
  return drawn("svg", { class: "meter reason-bar", viewBox: `0 0 ${WIDE} 10`, "aria-hidden": "true" },
    drawn("line", { class: "hair", x1: zero, x2: zero, y1: 0, y2: 10 }),
    drawn("rect", { class: value < 0 ? "against" : "ahead", x: value < 0 ? zero - long : zero, y: 2, width: long, height: 6 }));
}

function reasonRow(reason, span) {
  const link = element("a", { href: itemUrl(reason.item_id) }, nameOf(reason));
  const rating = because(reason.rating);
  const word = reason.contribution < 0 ? "in spite of " : isStars ? "because you rated " : "because you like ";
  return line(bar(reason.contribution, span), figure(reason.contribution, 2, true), {},
    word, link, rating ? element("span", { class: "rated" }, `\u00a0${rating}`) : null);
}

const line = (picture, number, attributes, ...text) => element("li", attributes,
  picture, element("span", { class: "reason-text" }, ...text), element("span", { class: "number" }, number));

/** Whether a number reads as more or less than zero. */
const tells = (value) => Math.abs(value) >= 0.005;

/** What an item begins with, its reasons, and the rest, which together are its score. */
function partsOf(item) {
  const told = (item.reasons ?? []).filter((one) => tells(one.contribution)).sort((a, b) => b.contribution - a.contribution);
  const rest = item.score - (item.baseline ?? item.score) - told.reduce((sum, one) => sum + one.contribution, 0);
  return { told, rest: tells(rest) ? rest : 0 };
}

/** How far, in stars, a beginning is from the mean rating before that is worth a word. */
const NEAR = 0.25;

function startOf(baseline) {
  if (!isStars || page.link === "sigmoid") return "to begin with";
  const off = baseline - page.mean;
  return `to begin with: ${off > NEAR ? "those who rated it like it" : off < -NEAR ? "those who rated it like others more" : "those who rated it like it as much as most others"}`;
}

function reasonList(item, basis, n_history, span) {
  const { told, rest } = partsOf(item);
  if (basis === "popularity" || item.reasons === undefined || !(told.length || rest)) return null;
  const n = n_history - told.length;
  const others = n > 0 && item.additive ? `and ${counted(n, "other rating")}` : "and all else";
  const cut = page.link === "clip" && item.prediction !== null ? item.prediction - item.score : 0;
  const room = element("span", { class: "reason-bar" });
  return element("ul", { class: "reasons", "aria-label": `Reasons for ${nameOf(item)}` },
    tells(item.baseline) ? line(room, figure(item.baseline), { class: "start" }, startOf(item.baseline)) : null,
    ...told.map((reason) => reasonRow(reason, span)),
    rest ? line(bar(rest, span), figure(rest, 2, true), { class: "rest" }, others) : null,
    tells(cut) ? line(room.cloneNode(), figure(cut, 2, true), { class: "rest" }, "no more: the scale ends") : null);
}

function head(item, moved, basis) {
  const support = basis === "popularity" ? element("span", { class: "known-by" }, counted(item.support, "person", "people")) : null;
  const stars = item.prediction === null ? support : element("span", { class: "stars" },
    element("span", { class: "hidden" }, "predicted rating "), figure(item.prediction, 1),
    item.lower === null ? null : element("span", { class: "range" }, `${figure(item.lower, 1)}–${figure(item.upper, 1)}`));
  return element("div", { class: "listed-head" },
    element("span", { class: "place", "aria-hidden": "true" }, String(item.rank)),
    element("span", { class: "listed-title" }, element("a", { href: itemUrl(item.item_id) }, nameOf(item)),
      moved ? element("span", { class: `moved${moved.kind === "new" ? " new" : ""}` }, moved.text) : null),
    stars);
}

/** Show a list for `n_history` ratings; `moves` says by id what to tell of a place that changed. */
export function showList(place, answer, n_history, moves = new Map()) {
  const effects = answer.items.map(partsOf).flatMap(({ told, rest }) => [...told.map((reason) => reason.contribution), rest]);
  const span = { low: Math.min(0, ...effects), high: Math.max(0, ...effects) };
  place.replaceChildren(...answer.items.map((item) => element("li", {},
    head(item, moves.get(String(item.item_id)), answer.basis),
    reasonList(item, answer.basis, n_history, span))));
}

/** How a list differs from another one: what to tell of each place, who left, and all of it in a sentence. */
export function compare(before, after) {
  const was = new Map(before.map((item) => [String(item.item_id), item.rank]));
  const is = new Set(after.map((item) => String(item.item_id)));
  const moves = new Map();
  let n_new = 0;
  let n_moved = 0;
  for (const item of after) {
    const id = String(item.item_id);
    const rank = was.get(id);
    if (rank === undefined) {
      n_new += 1;
      moves.set(id, { kind: "new", text: "enters" });
    } else if (rank !== item.rank) {
      n_moved += 1;
      const up = rank - item.rank;
      moves.set(id, { kind: "moved", text: up > 0 ? `up ${up}` : `down ${-up}` });
    }
  }
  const left = before.filter((item) => !is.has(String(item.item_id)));
  const parts = [
    n_new ? `${counted(n_new, thing.one, thing.many)} would enter and as many leave` : "",
    n_moved ? `${n_moved} would move` : "",
  ].filter(Boolean);
  return { moves, left, sentence: parts.length ? `${parts.join(", ")}.` : "The list would stay as it is." };
}
