// Search with suggestions: the combobox pattern. The form it stands in works without it.
import { ask, counted, element, itemUrl, latest, thing } from "./dom.js";

const WAIT = 120; // milliseconds of quiet before asking
const SHOWN = 8;

/** Suggestions below an input; `choose` is called with the item that was picked. */
export function combobox(input, choose, { note = (item) => counted(item.popularity, "person", "people") } = {}) {
  const list = document.getElementById(input.getAttribute("aria-controls"));
  const status = input.parentElement.querySelector("[role=status]");
  const newest = latest();
  let items = [];
  let shown = ""; // the words that `items` were found by
  let active = -1;
  let timer = 0;

  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    active = -1;
  };
  const activate = (place) => {
    active = place;
    [...list.querySelectorAll("[role=option]")].forEach((option, i) => {
      option.setAttribute("aria-selected", String(i === place));
      if (i === place) {
        input.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView({ block: "nearest" });
      }
    });
    if (place < 0) input.removeAttribute("aria-activedescendant");
  };
  const pick = (item) => {
    clearTimeout(timer);
    newest(async () => null); // an answer still on its way is too late
    close();
    status.textContent = "";
    choose(item);
  };
  const show = (words, found) => {
    [shown, items] = [words, found];
    list.replaceChildren(...found.map((item, i) => {
      const option = element("li", { role: "option", id: `${list.id}-${i}`, "aria-selected": "false" },
        item.title ?? String(item.item_id), element("span", {}, note(item)));
      // The press must not take the focus from the input.
      option.addEventListener("mousedown", (event) => event.preventDefault());
      option.addEventListener("click", () => pick(item));
      return option;
    }));
    status.textContent = found.length
      ? `${counted(found.length, thing.one, thing.many)} found; use the arrow keys.`
      : `No ${thing.one} found.`;
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(found.length > 0));
    status.classList.toggle("hidden", found.length > 0);
    activate(-1);
  };
  const look = async () => {
    const words = input.value.trim();
    if (!words) {
      await newest(async () => null);
      close();
      status.textContent = "";
      status.classList.add("hidden");
      return;
    }
    const answer = await newest((signal) => ask(`/v1/items?q=${encodeURIComponent(words)}&limit=${SHOWN}`, { signal }));
    if (answer.found) show(words, answer.found.items);
    else if (answer.error) {
      close();
      status.classList.remove("hidden");
      status.textContent = answer.error.message;
    }
  };
  // Who types on faster than answers come means what is written, not what is still listed.
  const pickFirst = async () => {
    const words = input.value.trim();
    if (active < 0 && words !== shown) {
      clearTimeout(timer);
      await look();
    }
    if (active >= 0 || (items.length && words === shown)) pick(items[Math.max(active, 0)]);
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, WAIT);
  });
  input.addEventListener("focus", () => { if (input.value.trim() && list.hidden) look(); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const open = !list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) { look(); return; }
      const step = event.key === "ArrowDown" ? 1 : -1;
      activate(((active + step + 1 + items.length + 1) % (items.length + 1)) - 1);
    } else if (event.key === "Enter") {
      if (open && items.length) {
        event.preventDefault();
        pickFirst();
      }
    } else if (event.key === "Escape") {
      // A browser would empty the field at once: the first press closes what is open, the second empties.
      event.preventDefault();
      if (!open) input.value = "";
      close();
    }
  });
}

for (const form of document.querySelectorAll("form.search:not([data-own])")) {
  combobox(form.querySelector("input"), (item) => { location.href = itemUrl(item.item_id); });
}
