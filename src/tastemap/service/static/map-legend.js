// The legend of a map: what each color stands for, and buttons that leave only some of it.
import { element, root, thing } from "./dom.js";
import { outline } from "./marks.js";

/** Why these counts are not those of the data: an item that has several genres is drawn in one color. */
function oneEach() {
  return element("p", { class: "note" }, `One color each: of several genres the rarest that is named here. Under `,
    element("a", { href: `${root}/data#genres` }, "Data"), ` such ${thing.many} count for each.`);
}

export function legendOf(holder, changed) {
  const chosen = new Set();
  let mode = null, swatches = [], canvas = null;

  const paint = () => swatches.forEach((swatch, place) => {
    const context = swatch.getContext("2d"), entry = mode.entries[place];
    context.clearRect(0, 0, 28, 28);
    context.fillStyle = getComputedStyle(canvas).getPropertyValue(entry.color).trim();
    outline(context, entry.shape, 14, 14, 9.5);
    context.fill();
  });
  const mark = () => {
    holder.classList.toggle("filtered", chosen.size > 0);
    holder.querySelectorAll("button[aria-pressed]").forEach((button) => button.setAttribute("aria-pressed", String(chosen.has(Number(button.dataset.place)))));
    holder.querySelector(".plain").hidden = !chosen.size;
  };
  const clear = () => { chosen.clear(); mark(); changed(chosen); };

  function show(next, of) {
    mode = next;
    canvas = of;
    chosen.clear();
    const counts = new Uint32Array(mode.entries.length);
    for (const kind of mode.classes) counts[kind]++;
    swatches = mode.entries.map(() => element("canvas", { width: 28, height: 28, "aria-hidden": "true" }));
    const rows = mode.entries.map((entry, place) => {
      const button = element("button", { type: "button", "aria-pressed": "false", "data-place": place }, swatches[place],
        element("span", {}, entry.label), element("span", { class: "number" }, counts[place].toLocaleString("en")));
      button.addEventListener("click", () => {
        if (!chosen.delete(place)) chosen.add(place);
        mark();
        changed(chosen);
      });
      return counts[place] ? element("li", {}, button) : null;
    });
    const all = element("button", { type: "button", class: "plain", hidden: true }, "Show all");
    all.addEventListener("click", clear);
    holder.replaceChildren(element("ul", {}, ...rows), all, ...(mode.name === "genre" ? [oneEach()] : []));
    holder.setAttribute("aria-label", `${mode.label}: press to show only some`);
    paint();
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (mode) paint(); });
  return { show, clear };
}
