// The keyboard: / goes to search, j and k walk through the rows, Enter opens, Escape leaves, ? tells all of them.
// What the page can do by one key of its own stands on it as data-key.
const typing = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;
const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.checkVisibility());
const handle = (row) => row.querySelector("a[href], button") ?? row;

function step(by) {
  const all = rows();
  if (all.length === 0) return false;
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
  handle(next).focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

const ownStep = (key) => [...document.querySelectorAll("[data-key]")].find((step) => step.dataset.key === key);

function press(step) {
  step.focus();
  step.click();
  step.parentElement.querySelector("textarea, input:not([type=hidden])")?.focus();
}

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && typing(event.target)) return event.target.blur();
  if (typing(event.target)) return;
  if (event.key === "/") {
    const search = [...document.querySelectorAll("input[type=search]")].find((input) => input.checkVisibility());
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "j" || event.key === "k") {
    if (step(event.key === "j" ? 1 : -1)) event.preventDefault();
  } else if (event.key === "?") {
    document.getElementById("keys")?.showModal();
  } else if (ownStep(event.key)) {
    event.preventDefault();
    press(ownStep(event.key));
  }
});
