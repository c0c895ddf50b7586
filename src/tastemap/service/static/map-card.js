// The card of a selected item: what is known of it, and its neighbors.
import { ask, counted, element, figure, itemUrl, latest } from "./dom.js";

export class Card {
  constructor(holder, { items, named }, on) {
    this.holder = holder;
    this.items = items;
    this.named = named;
    this.on = on;
    this.newest = latest();
  }

  /** Title, year and the like of an item, in a line. */
  summary(i) {
    const { year, popularity, mean_rating: mean, bias } = this.items;
    return [
      year?.[i], counted(popularity[i], mean ? "rating" : "interaction"), mean && `mean ${figure(mean[i])}`, bias && `bias ${figure(bias[i], 2, true)}`,
    ].filter((part) => part !== undefined && part !== null && part !== false).join(" · ");
  }

  /** Show an item; gives its neighbors when they have come. */
  async show(i) {
    const { items, named, holder } = this, id = items.item_id[i];
    const close = element("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
    close.addEventListener("click", () => this.close());
    const near = element("div", { class: "near" }, element("p", { class: "note" }, "Looking for its neighbors …"));
    const genres = items.genres ? named[items.genres[i]] : "";
    holder.replaceChildren(
      close, element("h2", {}, element("a", { href: itemUrl(id) }, items.title[i])),
      element("p", { class: "note" }, this.summary(i), genres ? element("br") : null, genres || null), near,
    );
    holder.hidden = false;
    const answer = await this.newest((signal) => ask(`/map.json?item=${encodeURIComponent(id)}`, { signal }));
    if (answer.late) return [];
    if (answer.error) {
      near.replaceChildren(element("p", { class: "note" }, answer.error.message));
      return [];
    }
    const { similar, notes } = answer.found;
    near.replaceChildren(
      element("h3", {}, similar.length ? "Nearest by cosine" : "No neighbors"),
      similar.length ? element("ol", {}, ...similar.map((other) => this.row(other))) : element("p", { class: "note" }, notes.join(" ")),
    );
    return similar;
  }

  row(other) {
    const button = element("button", { type: "button", class: "row" }, element("span", {}, other.title ?? String(other.item_id)),
      element("span", { class: "number" }, figure(other.similarity)));
    button.addEventListener("click", () => this.on.pick(other.item_id));
    return element("li", {}, button);
  }

  close() {
    if (this.holder.hidden) return;
    this.holder.hidden = true;
    this.newest(async () => null);
    this.on.closed();
  }
}
