// The visitor's own ratings. They stay in this browser; nothing of them is kept by the server.
const KEY = "tastemap.ratings";

/**
 * Ratings, the latest first: {id, title, share}. Ids are text. The share says where on its scale a rating
 * stands, 0 to 1, so that it can be read on another model's scale, or as liking or not.
 */
export function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    if (!Array.isArray(kept)) return [];
    return kept.filter((one) => typeof one?.id === "string" && one.share >= 0 && one.share <= 1);
  } catch {
    return []; // storage is forbidden, or holds something else: begin anew
  }
}

/** Keep ratings; whether the browser did. */
export function keep(ratings) {
  try {
    localStorage.setItem(KEY, JSON.stringify(ratings));
    return true;
  } catch {
    return false;
  }
}

/** Called when another tab changes the ratings. */
export function onChange(call) {
  addEventListener("storage", (event) => { if (event.key === KEY || event.key === null) call(load()); });
}
