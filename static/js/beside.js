// A detail beside its list: on a wide window a row's page opens next to the rows, and the list stays where it was. The
// address keeps which one, so that a reload or the way back opens it again; what can't be shown so is opened as its page.
const list = document.querySelector("[data-beside]");
const place = document.getElementById("beside");
const wide = matchMedia("(min-width: 75rem)");
const said = document.getElementById("said");
const rowLink = (target) => target.closest("[data-row]")?.querySelector("a.row-link[href]");
let latest = 0;

async function show(link) {
  const mine = ++latest;
  const page = await read(link.href);
  if (mine !== latest) return;
  if (!page) return location.assign(link.href);
  const heading = document.createElement("h2");
  heading.className = "beside-title";
  heading.append(...page.head.querySelector("h1").childNodes);
  page.head.querySelector("h1").replaceWith(heading);
  place.querySelector(".beside-bar a").href = link.href;
  place.querySelector("[data-detail]").replaceChildren(page.head, page.parts);
  htmx.process(place);
  place.hidden = false;
  place.scrollTop = 0;
  for (const row of list.querySelectorAll("[data-row][aria-current]")) row.removeAttribute("aria-current");
  link.closest("[data-row]").setAttribute("aria-current", "true");
  history.replaceState(null, "", `#${link.closest("[data-row]").id}`);
  said.textContent = `Beside the list: ${heading.textContent.trim()}`;
}

async function read(url) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(15_000) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [head, parts] = [page.querySelector("main .page-head"), page.querySelector("main .page-parts")];
    return answer.ok && !answer.redirected && head && parts ? { head, parts } : null;
  } catch {
    return null;
  }
}

function close() {
  latest += 1;
  const open = list.querySelector("[data-row][aria-current]");
  place.hidden = true;
  place.querySelector("[data-detail]").replaceChildren();
  open?.removeAttribute("aria-current");
  history.replaceState(null, "", location.pathname + location.search);
  if (open) rowLink(open).focus();
}

list?.addEventListener("click", (event) => {
  const link = event.target.closest("a.row-link");
  if (!link || !wide.matches || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(link);
});
place?.querySelector(".beside-bar button").addEventListener("click", close);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || place.hidden || event.target.closest("input, textarea, select, dialog")) return;
  if (!document.querySelector("details[data-menu][open], dialog[open]")) close();
}, { capture: true }); // before a menu that Escape is meant for has closed
const named = location.hash && document.getElementById(location.hash.slice(1));
if (named && wide.matches && list?.contains(named)) show(rowLink(named));
