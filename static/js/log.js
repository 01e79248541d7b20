// What a job prints, as it comes. The browser connects anew by itself and says up to which byte it has all. While it is
// paused, what comes is kept until one goes on; whoever scrolls up is left where they read.
const place = document.querySelector("[data-log]");
const state = document.getElementById("log-state");
const tools = document.getElementById("log-tools");
const MOST = 2_000_000; // characters that a page keeps
const MOST_FOUND = 5_000;

if (place) {
  const source = new EventSource(place.dataset.log);
  let held = null; // while paused, what came since
  follow();
  source.addEventListener("open", () => say("It is shown as it comes."));
  source.addEventListener("message", (event) => {
    if (held === null) add(JSON.parse(event.data));
    else held = (held + JSON.parse(event.data)).slice(-MOST);
  });
  source.addEventListener("over", () => {
    source.close();
    say(place.textContent || held ? "It has ended." : "It has ended without a word.");
  });
  source.addEventListener("error", () => say("The connection broke; it is tried again by itself."));
  addEventListener("pagehide", () => source.close());

  const pause = tools.querySelector("button");
  tools.hidden = false;
  pause.addEventListener("click", () => {
    pause.setAttribute("aria-pressed", held === null);
    pause.lastChild.textContent = held === null ? "Go on" : "Pause";
    if (held === null) held = "";
    else [held] = [null, add(held), follow()];
  });
  const words = tools.querySelector("input");
  words.addEventListener("input", () => find(words.value));
  words.addEventListener("keydown", (event) => { if (event.key === "Enter") go(event.shiftKey ? -1 : 1); });
}

function say(text) { state.textContent = text; }
function follow() { place.scrollTop = place.scrollHeight; }

function add(text) {
  const isAtEnd = place.scrollTop + place.clientHeight >= place.scrollHeight - 8;
  place.append(text);
  if (place.textContent.length > MOST) place.textContent = place.textContent.slice(-MOST / 2);
  if (isAtEnd) follow();
}

// ── looking for words ─────────────────────────────────────────────────────────────────────────────────────────────
let found = [], at = -1;

function find(words) {
  place.normalize();
  [found, at] = [[], -1];
  const node = place.firstChild, text = (node?.data ?? "").toLowerCase(), wanted = words.toLowerCase();
  for (let from = 0; wanted && found.length < MOST_FOUND; from += wanted.length) {
    from = text.indexOf(wanted, from);
    if (from < 0) break;
    const range = new Range();
    range.setStart(node, from);
    range.setEnd(node, Math.min(from + wanted.length, node.length));
    found.push(range);
  }
  globalThis.CSS?.highlights?.set("found", new Highlight(...found));
  if (found.length) go(1);
  else tell(words ? "Not found" : "");
}

function go(by) {
  if (!found.length) return;
  at = (at + by + found.length) % found.length;
  globalThis.CSS?.highlights?.set("found-now", new Highlight(found[at]));
  place.scrollTop += found[at].getBoundingClientRect().top - place.getBoundingClientRect().top - place.clientHeight / 2;
  tell(`${(at + 1).toLocaleString("en")} of ${found.length.toLocaleString("en")}${found.length === MOST_FOUND ? " or more" : ""}`);
}

function tell(text) { tools.querySelector("[data-found]").textContent = text; }
