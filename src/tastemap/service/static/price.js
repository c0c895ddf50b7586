// What diversity costs, told below its dial; the server measures it once, and is asked until it knows.
import { ask, figure } from "./dom.js";

const EVERY = 2000; // milliseconds
const LONGEST = 300_000;
const dial = document.getElementById("diversity");
const place = document.getElementById("price");

function tell(price) {
  if (price.state === "measuring") place.textContent = "What it costs is being measured…";
  else if (price.state !== "ready" || !price.rows.length) place.textContent = price.said ?? "";
  else {
    const value = Number(dial.value);
    const nearest = (wanted) => price.rows.reduce((a, b) => (Math.abs(b.diversity - wanted) < Math.abs(a.diversity - wanted) ? b : a));
    const [none, here] = [nearest(0), nearest(value)];
    const paid = none.ndcg ? (here.ndcg - none.ndcg) / none.ndcg : 0;
    place.textContent = value === 0
      ? `By what ${none.n_users.toLocaleString("en")} users chose last: NDCG ${figure(none.ndcg, 3)}, likeness within a list ${figure(none.similarity_within_list)}.`
      : `It costs: NDCG ${figure(none.ndcg, 3)} → ${figure(here.ndcg, 3)} (${figure(100 * paid, 0, true)}\u202f%), likeness within a list ${figure(none.similarity_within_list)} → ${figure(here.similarity_within_list)}.`;
  }
}

/** Tell the price, and ask for it again while it is being measured. */
export function followPrice(price) {
  let known = price;
  const begun = Date.now();
  dial.addEventListener("input", () => tell(known));
  const look = async () => {
    if (known.state !== "measuring" || Date.now() - begun > LONGEST) return;
    try {
      known = (await ask("/for-you.json")).price;
    } catch {
      // The list says what is wrong with the server; the price can wait.
    }
    tell(known);
    setTimeout(look, EVERY);
  };
  tell(known);
  setTimeout(look, EVERY);
}
