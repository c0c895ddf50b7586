// For you: ratings in this browser, a list that answers them, and what would be if one were not there.
import { ask, counted, element, figure, given, itemUrl, latest, thing } from "./dom.js";
import { combobox } from "./search.js";
import { keep, load, onChange } from "./store.js";
import { isStars, ratedOf, ratingButtons, valueOf, wordOf } from "./rate.js";
import { compare, nameOf, orderOf, showList } from "./list-view.js";
import { followPrice } from "./price.js";

const page = given("page-data");
const at = (id) => document.getElementById(id);
const questions = page.questions.map((one) => ({ id: String(one.item_id), title: one.title }));
const ASKED_AT_ONCE = 5;
const REASONS = 3;
const STEP = 10;
const TRIES = 3; // that are made without being asked, after a refusal that says when to come again

let ratings = load();
let pending = []; // found, but not rated yet
let skipped = new Set();
let asked = []; // the questions that are shown; each keeps its place
let resting = null; // the id of the one that was just rated by the pointer, still in its place
let earlier = []; // ratings as they were, to undo
let without = null; // the rating that is thought away
let length = STEP;
let shown = null; // the answer that the list shows when nothing is thought away
let tries = 0;
let timer = 0;
const newest = latest();

const say = (text) => { at("said").textContent = text; };
const titleOf = (one) => one.title || `${thing.one} ${one.id}`;

function body(drop) {
  const valued = ratings.map((one) => ({ item_id: one.id, rating: valueOf(one.share) }));
  return {
    history: valued.filter((one) => one.rating !== null),
    exclude: valued.filter((one) => one.rating === null).map((one) => one.item_id),
    drop,
    k: length,
    reasons: REASONS,
    diversity: Number(at("diversity").value),
  };
}

/** Ask for the list and show it; the old one stays, dimmed, until the answer is there. */
async function refresh() {
  clearTimeout(timer);
  const dropped = without;
  at("list-side").setAttribute("aria-busy", "true");
  const answer = await newest(async (signal) => {
    const whole = await ask("/v1/recommendations", { body: body([]), signal });
    return { whole, less: dropped && (await ask("/v1/recommendations", { body: body([dropped.id]), signal })) };
  });
  if (answer.late) return;
  at("list-side").setAttribute("aria-busy", "false");
  at("trouble").hidden = !answer.error;
  if (answer.error) return showTrouble(answer.error);
  tries = 0;
  shown = answer.found.whole;
  showAnswer(answer.found.less);
}

function showAnswer(less) {
  const { basis, notes, items } = less ?? shown;
  const difference = less && compare(shown.items, less.items);
  const n_read = body(less ? [without.id] : []);
  showList(at("list"), less ?? shown, n_read.history.length - n_read.drop.length, difference?.moves);
  showWhatIf(difference);
  at("basis").textContent = orderOf(basis, Number(at("diversity").value) > 0);
  // What the server says of an unknown user is said above, in this page's words.
  at("notes").textContent = basis === "popularity" ? "" : notes.join(" ");
  at("to-list").lastElementChild.textContent = items.length ? `1. ${nameOf(items[0])}` : "";
  at("longer").hidden = items.length < length || length >= 50;
  say(less ? `Without ${titleOf(without)}: ${difference.sentence}`
    : items.length ? `The list has ${counted(items.length, thing.one, thing.many)}; first ${nameOf(items[0])}.` : "The list is empty.");
}

function showWhatIf(difference) {
  const box = at("what-if");
  box.hidden = !difference;
  if (!difference) return box.replaceChildren();
  const back = element("button", { type: "button", id: "back" }, "Back to your list");
  back.addEventListener("click", () => { think(null); at("ratings").querySelector(".without")?.focus(); });
  const drop = element("button", { type: "button", class: "plain" }, "Remove this rating");
  drop.addEventListener("click", () => { const gone = without; without = null; remove(gone.id); });
  const leaves = difference.left.flatMap((item, i) => [i ? ", " : "", element("a", { href: itemUrl(item.item_id) }, nameOf(item))]);
  box.replaceChildren(
    element("p", {}, "Without ", element("strong", {}, titleOf(without)), `: ${difference.sentence}`),
    difference.left.length ? element("p", { class: "note" }, "Would leave: ", ...leaves, ".") : "",
    element("p", { class: "actions" }, back, drop));
}

function showTrouble(error) {
  const again = element("button", { type: "button" }, "Try again");
  again.addEventListener("click", () => { tries = 0; refresh(); });
  const busy = error.status === 429 || error.status === 503;
  const waits = busy && tries < TRIES;
  if (waits) {
    tries += 1;
    timer = setTimeout(refresh, 1000 * Math.min(error.retryAfter ?? 2, 30));
  }
  const said = busy ? `The server is busy. ${waits ? "Trying again soon." : ""}` : error.message;
  at("to-list").lastElementChild.textContent = "not answered yet: see below";
  at("trouble").replaceChildren(element("p", {}, said), element("p", { class: "note" }, "What you rated is kept in this browser."), again);
}

/** Change the ratings: kept, shown, answered; the earlier ones can be had back. */
function change(next, said) {
  earlier.push(ratings);
  at("undo").disabled = false;
  settle(next);
  say(said);
}

function settle(next) {
  ratings = next;
  holdStill();
  if (without && !ratings.some((one) => one.id === without.id)) without = null;
  if (!keep(ratings)) at("n-mine").textContent = "not kept: this browser forbids it";
  showPending();
  showRatings();
  showQuestions();
  refresh();
}

function rate(item, share) {
  pending = pending.filter((one) => one.id !== item.id);
  const others = ratings.filter((one) => one.id !== item.id);
  const known = ratings.find((one) => one.id === item.id);
  const rated = { id: item.id, title: item.title, share };
  change(known ? ratings.map((one) => (one.id === item.id ? rated : one)) : [rated, ...others], `${titleOf(item)}: ${wordOf(share)}.`);
}

function remove(id) {
  const gone = ratings.find((one) => one.id === id);
  change(ratings.filter((one) => one.id !== id), `${titleOf(gone)} is no longer rated.`);
}

function think(one) {
  without = one;
  showRatings();
  if (one || !shown) refresh();
  else showAnswer(null);
}

/** Bring an item to be rated: below the search, or where it stands among the ratings. */
function add(item) {
  const known = ratings.some((one) => one.id === item.id);
  if (!known && !pending.some((one) => one.id === item.id)) pending = [item, ...pending];
  showPending();
  const place = [...at(known ? "ratings" : "pending").children].find((one) => one.dataset.id === item.id);
  place.querySelector("[tabindex='0']").focus();
}

function row(item, share, ...tools) {
  const buttons = ratingButtons(titleOf(item), share, (chosen, pointed) => {
    const keyed = row_.contains(document.activeElement);
    const [list, place] = [row_.parentElement, [...row_.parentElement.children].indexOf(row_)];
    resting = pointed && list === at("questions") ? item.id : null;
    rate(item, chosen);
    if (keyed) focusIn(list, item.id, place);
  });
  const row_ = element("li", { "data-id": item.id },
    element("a", { class: "row-title", href: itemUrl(item.id) }, titleOf(item)), buttons, ...tools);
  return row_;
}

/** Where the keyboard goes on after a row was pressed: the row itself, else what took its place. */
function focusIn(list, id, place) {
  const rows = [...list.children];
  const next = rows.find((one) => one.dataset.id === id) ?? rows[Math.min(place, rows.length - 1)];
  (next?.querySelector("[tabindex='0'], .unrate") ?? at("for-you-search")).focus();
}

function tool(label, described, press, extra = {}) {
  const made = element("button", { type: "button", class: "plain", "aria-label": described, ...extra }, label);
  made.addEventListener("click", press);
  return made;
}

function showPending() {
  at("pending").replaceChildren(...pending.map((one) => row(one, null, tool("Leave it", `Leave ${titleOf(one)} unrated`, () => {
    pending = pending.filter((other) => other !== one);
    showPending();
    at("for-you-search").focus();
  }))));
}

function showRatings() {
  const rated = ratings.map((one) => row(one, one.share,
    tool("Without it?", `What if ${titleOf(one)} were not rated?`, () => think(without?.id === one.id ? null : one),
      { class: "plain without", "aria-pressed": String(without?.id === one.id) }),
    tool("Remove", `Remove the rating of ${titleOf(one)}`, () => {
      const place = ratings.findIndex((other) => other.id === one.id);
      remove(one.id);
      focusIn(at("ratings"), null, place);
    })));
  at("ratings").replaceChildren(...rated);
  at("none-yet").hidden = ratings.length > 0;
  at("n-mine").textContent = ratings.length ? ratings.length.toLocaleString("en") : "";
  at("clear").disabled = !ratings.length;
}

/** The questions: what is answered gives its place to the next one, and no other row moves. */
function showQuestions() {
  const known = new Set([...ratings.map((one) => one.id), ...skipped]);
  const next = questions.filter((one) => !known.has(one.id) && !asked.includes(one));
  const stays = (one) => one && (!known.has(one.id) || one.id === resting);
  asked = Array.from({ length: ASKED_AT_ONCE }, (_, i) => (stays(asked[i]) ? asked[i] : next.shift())).filter(Boolean);
  const list = at("questions");
  const before = new Map([...list.children].map((one) => [one.dataset.id, one]));
  asked.forEach((one, i) => {
    const old = before.get(one.id);
    const made = old && old.classList.contains("done") === known.has(one.id) ? old : known.has(one.id) ? answered(one) : question(one);
    if (list.children[i] === made) return;
    if (list.children[i]) list.children[i].replaceWith(made);
    else list.append(made);
  });
  while (list.children.length > asked.length) list.lastElementChild.remove();
  at("questions-end").hidden = asked.length > 0;
}

function question(one) {
  return row(one, null, tool("Skip", `Skip ${titleOf(one)}`, () => {
    const place = asked.indexOf(one);
    skipped.add(one.id);
    resting = null;
    holdStill();
    showQuestions();
    focusIn(at("questions"), null, place);
  }));
}

/** A question that was just answered, with the way back. */
function answered(one) {
  const { share } = ratings.find((other) => other.id === one.id);
  const undo = tool("undo", `Undo the rating of ${titleOf(one)}`, () => {
    resting = null;
    remove(one.id);
    focusIn(at("questions"), one.id, 0);
  }, { class: "plain unrate" });
  return element("li", { "data-id": one.id, class: "done" },
    element("a", { class: "row-title", href: itemUrl(one.id) }, titleOf(one)), element("span", {}, `${ratedOf(share)} ·`), undo);
}

/** What was just answered leaves its place once the pointer is elsewhere. */
function rest() {
  if (resting === null) return;
  const place = asked.findIndex((one) => one.id === resting);
  const focused = at("questions").children[place]?.contains(document.activeElement);
  resting = null;
  showQuestions();
  if (focused) focusIn(at("questions"), null, place);
}

/** Stars that come to lie under a pointer at rest are not filled: that would look like a rating. */
function holdStill() {
  document.body.classList.add("still");
}

let pointer = "";
addEventListener("pointermove", ({ clientX, clientY }) => {
  const now = `${clientX} ${clientY}`;
  if (now !== pointer) document.body.classList.remove("still");
  pointer = now;
});
// A finger leaves the list each time that it is lifted.
at("questions").addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") rest(); });
at("undo").addEventListener("click", () => {
  settle(earlier.pop());
  at("undo").disabled = !earlier.length;
  say("Undone.");
});
at("clear").addEventListener("click", () => { pending = []; change([], "All ratings are cleared. Undo brings them back."); at("undo").focus(); });
at("longer").addEventListener("click", () => { length += STEP; refresh(); });
at("diversity").addEventListener("input", () => {
  at("diversity-value").textContent = figure(Number(at("diversity").value), 1);
  refresh();
});
combobox(at("for-you-search"), (item) => {
  at("for-you-search").value = "";
  add({ id: String(item.item_id), title: item.title });
});
at("for-you-search").form.addEventListener("submit", (event) => event.preventDefault());
onChange((theirs) => { ratings = theirs; showRatings(); showQuestions(); refresh(); });
if (page.varies) followPrice(page.price);

// On a narrow screen the list is below what one rates: a line at the edge leads to it while it is out of sight.
new IntersectionObserver(([seen]) => { at("to-list").hidden = seen.isIntersecting; }).observe(at("list-side"));

at("diversity").dispatchEvent(new Event("input")); // it may have been moved before this script was here
showRatings();
showQuestions();
const wanted = new URLSearchParams(location.search).get("add");
if (wanted) {
  window.history.replaceState(null, "", location.pathname);
  ask(`/v1/items/${encodeURIComponent(wanted)}`).then(
    (item) => add({ id: String(item.item_id), title: item.title }),
    (error) => say(error.message));
}
