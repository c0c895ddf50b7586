// The button of an item's page: it goes among the ratings of For you, to be rated there.
import { root } from "./dom.js";
import { load } from "./store.js";

const button = document.getElementById("add");
const said = document.getElementById("added");
const { id, title } = button.dataset;
const mine = load().find((one) => one.id === id);
if (mine) {
  said.textContent = "It is among your ratings.";
  button.textContent = "Change your rating";
}

button.addEventListener("click", () => {
  location.href = `${root}/for-you#add=${encodeURIComponent(id)}`;
});
