// How one rates an item: stars where the model reads them, else liking or not. A group of buttons with one stop
// for Tab: arrows move within it, Enter and Space press, digits rate at once.
import { element, figure, given } from "./dom.js";

const page = given("page-data");
export const isStars = page.rate.kind === "stars";
const levels = page.rate.levels;
const low = levels[0];
const width = levels.at(-1) - low;
const plain = (value) => figure(value, Number.isInteger(value) ? 0 : 1);

/** The level of a share of the scale, as its place among the levels. */
function placeOf(share) {
  const wanted = low + share * width;
  return levels.reduce((best, level, i) => (Math.abs(level - wanted) < Math.abs(levels[best] - wanted) ? i : best), 0);
}

export const isLiked = (share) => share >= 0.5;

/** A rating as the model reads it: its value in a history; null where it only keeps an item out of the list. */
export const valueOf = (share) => (isStars ? levels[placeOf(share)] : isLiked(share) ? page.rate.like : null);

/** A rating as people read it. */
export const wordOf = (share) => (isStars ? plain(levels[placeOf(share)]) : isLiked(share) ? "liked" : "not for you");

/** The same as a statement. */
export const ratedOf = (share) => (isStars ? `rated ${wordOf(share)}` : wordOf(share));

/** What a reason says of the rating that it rests on. */
export const because = (rating) => (isStars ? plain(rating) : "");

const options = isStars
  ? levels.map((level, i) => ({ share: (level - low) / width, label: `${plain(level)} of ${plain(levels.at(-1))}`, key: i + 1 }))
  : [{ share: 1, label: "Like", key: 1 }, { share: 0, label: "Not for me", key: 2 }];

/** Buttons to rate an item by; `rate` is called with the share of the scale and whether a pointer pressed. */
export function ratingButtons(title, share, rate) {
  const chosen = share === null ? -1 : isStars ? placeOf(share) : isLiked(share) ? 0 : 1;
  const halves = isStars && levels.length > 5;
  const made = options.map((option, i) => {
    const pressed = i === chosen;
    const button = element("button", {
      type: "button",
      class: isStars ? `star${halves ? (i % 2 ? " right" : " left") : ""}${i <= chosen ? " on" : ""}` : "thumb",
      "aria-label": isStars ? option.label : null,
      "aria-pressed": String(pressed),
      title: isStars ? option.label : null,
      tabindex: i === Math.max(chosen, 0) ? "0" : "-1",
    }, isStars ? "" : option.label);
    // The second press of a double click may fall on what has just come there.
    button.addEventListener("click", ({ detail }) => { if (detail < 2) rate(option.share, detail > 0); });
    return button;
  });
  const group = element("div", { class: isStars ? "rate stars-input" : "rate", role: "group", "aria-label": `Rate ${title}` }, ...made);
  group.addEventListener("keydown", (event) => {
    const at = made.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (step && at >= 0) {
      event.preventDefault();
      const next = made[Math.min(Math.max(at + step, 0), made.length - 1)];
      for (const button of made) button.tabIndex = button === next ? 0 : -1;
      next.focus();
    } else if (/^[0-9]$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const option = options[(Number(event.key) || 10) - 1];
      if (!option) return;
      event.preventDefault(); // rating may move the focus into a field, where the digit would be typed
      rate(option.share, false);
    }
  });
  return group;
}
