// What colors stand for: a few classes each, so that a legend can name them and filter by them.
import { figure, thing } from "./dom.js";

const SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right"];
const STEPS = 7; // of a ramp
const UNKNOWN = "unknown";

/** The ways to color a catalog: those whose values it has. */
export function modesOf(data) {
  const { items, genres } = data;
  const modes = [];
  if (items.genre) modes.push(byGenre(items.genre, genres));
  if (items.year) modes.push(stepped("year", "Year", items.year, yearEdges(items.year), String, "ramp"));
  modes.push(stepped("popularity", "Popularity", items.popularity, countEdges(items.popularity), (n) => n.toLocaleString("en"), "ramp"));
  if (items.mean_rating) {
    modes.push(stepped("mean_rating", "Mean rating", items.mean_rating, evenEdges(items.mean_rating), short, "ramp"));
  }
  if (items.bias) modes.push(stepped("bias", "Bias", items.bias, biasEdges(items.bias), (value) => figure(value, 1, true), "split"));
  return modes;
}

const short = (value) => figure(value, Number.isInteger(value) ? 0 : Number.isInteger(value * 2) ? 1 : 2);

function byGenre(genre, names) {
  const isOther = (name) => name === "other";
  return {
    name: "genre", label: "Genre", classes: Uint8Array.from(genre),
    entries: names.map((name, place) => ({
      label: name, shape: isOther(name) ? "circle" : SHAPES[place % SHAPES.length],
      color: isOther(name) ? "--muted" : `--genre-${(place % SHAPES.length) + 1}`,
    })),
  };
}

// Classes between rising edges: below the first, between each two, and from the last on.
function stepped(name, label, values, edges, said, kind) {
  const classes = Uint8Array.from(values, (value) => {
    if (value === null) return edges.length + 1;
    let place = 0;
    while (place < edges.length && value >= edges[place]) place++;
    return place;
  });
  const n = edges.length + 1;
  const entries = Array.from({ length: n }, (_, place) => ({
    label: place === 0 ? `below ${said(edges[0])}` : place === n - 1 ? `${said(edges[n - 2])} and more` : span(edges, place, said, name),
    shape: "circle", color: `--${kind}-${1 + Math.round(place * (STEPS - 1) / Math.max(n - 1, 1))}`,
  }));
  if (n === 1) entries[0].label = `all ${thing.many}`;
  entries.push({ label: UNKNOWN, shape: "circle", color: "--muted" });
  return { name, label, classes, entries };
}

function span(edges, place, said, name) {
  const from = edges[place - 1], to = edges[place];
  const whole = name === "year" || name === "popularity";
  if (name === "year" && to - from === 10) return `${from}s`;
  return whole && to - 1 === from ? said(from) : `${said(from)} – ${said(whole ? to - 1 : to)}`;
}

const known = (values) => values.filter((value) => value !== null).sort((a, b) => a - b);
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];

// Decades, the early ones together, where there are few.
function yearEdges(values) {
  const sorted = known(values), last = Math.floor(sorted.at(-1) / 10) * 10;
  const first = Math.max(last - (STEPS - 2) * 10, Math.floor(quantile(sorted, 0.01) / 10) * 10 + 10);
  return steps(first, last, 10);
}

// 1, 3, 10, 30 …: as many of the largest ones as there are colors.
function countEdges(values) {
  const most = Math.max(...extremes(values)), edges = [];
  for (let power = 1; power <= most; power *= 10) edges.push(...[power, 3 * power].filter((edge) => edge > 1 && edge <= most));
  return edges.slice(-(STEPS - 1));
}

function evenEdges(values) {
  const sorted = known(values), low = quantile(sorted, 0.05), high = quantile(sorted, 0.95);
  const raw = Math.max((high - low) / (STEPS - 2), 1e-9), power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2.5, 5, 10].find((times) => times * power >= raw * 0.999);
  return steps(Math.ceil(low / step) * step, high, step).slice(0, STEPS - 1);
}

// The same to both sides of zero.
function biasEdges(values) {
  const far = known(values.map(Math.abs)), reach = quantile(far, 0.9) || 1;
  const step = Math.max(0.1, Math.round((reach / 2.5) * 10) / 10);
  return [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5].map((times) => Math.round(times * step * 100) / 100);
}

function steps(first, last, step) {
  const found = [];
  for (let edge = first; edge <= last + step * 1e-6; edge += step) found.push(Number(edge.toFixed(6)));
  return found.length ? found : [first];
}

function extremes(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
  return [low, high];
}
