// The card of a selected item: what is known of it, and its neighbors.
import { ask, counted, element, figure, itemUrl, latest } from "./dom.js";

/** A bias in words: liking that no taste explains. */
function besidesTaste(bias) {
  const how = Math.abs(bias) < 0.05 ? "as" : bias > 0 ? "more than" : "less than";
  return `liked ${how} taste explains (bias ${figure(bias, 2, true)})`;
}

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
      year?.[i], counted(popularity[i], mean ? "rating" : "interaction"), mean && `mean ${figure(mean[i])}`, bias && besidesTaste(bias[i]),
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
    const { similar, notes, enough } = answer.found;
    const isSure = (other) => other.common_users >= enough;
    const sure = similar.filter(isSure), unsure = similar.filter((other) => !isSure(other));
    near.replaceChildren(...similar.length ? [
      ...this.listed("Most like it", sure, true),
      ...this.listed(`Perhaps like it: fewer than ${enough} users in common, which may be chance`, unsure, !sure.length, "unsure"),
    ] : [element("h3", {}, "No neighbors"), element("p", { class: "note" }, notes.join(" "))]);
    return [...sure, ...unsure];
  }

  /** Neighbors under a heading; nothing where there are none. */
  listed(heading, others, isFirst, kind = null) {
    if (!others.length) return [];
    const numbers = !isFirst ? null : element("span", { title: "The cosine of the two vectors, at most 1, and the users who have both" }, "cosine, in common");
    return [element("h3", {}, heading, numbers), element("ol", { class: kind }, ...others.map((other) => this.row(other)))];
  }

  row(other) {
    const button = element("button", { type: "button", class: "row" }, element("span", {}, other.title ?? String(other.item_id)),
      element("span", { class: "number" }, figure(other.similarity)),
      element("span", { class: "number users", title: `${counted(other.common_users, "user")} in common` }, other.common_users.toLocaleString("en")));
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
