// The page of an upload: sends file by file, shows how far each is, passes over what the draft has, and says what was
// refused and why. Without this module the page is a plain form that sends everything at once.
import { count, left, size } from "./amounts.js";
import { heldBy, isSame, send } from "./sending.js";

const MANIFEST = "dataset.json";
const QUIET_ROWS = 20; // rows of files that went well and stay to be seen
const form = document.querySelector("form[data-upload]");
const told = document.querySelector("[data-upload-told]");
const rows = told?.querySelector("[data-upload-rows]");
const address = location.origin + location.pathname;
const copyOf = (mark) => document.querySelector(`template${mark}`).content.cloneNode(true);
let run = null; // what is brought in: files, the manifest's lines, what the draft held, bytes sent since it began

function start(files, lines) {
  run = { files, lines, total: files.reduce((sum, one) => sum + one.file.size, 0), held: new Map() };
  rows.replaceChildren();
  told.hidden = false;
  told.focus();
  return goOn(files);
}

async function goOn(files) {
  const button = form.querySelector("button.btn-primary");
  button.disabled = true;
  told.querySelector("[data-upload-end]").replaceChildren();
  told.querySelector("[name=stop]").hidden = false;
  Object.assign(run, { stopping: new AbortController(), began: performance.now(), sent: 0, halted: "" });
  try {
    run.held = await heldBy(address);
    for (const one of files) {
      if (run.stopping.signal.aborted || run.halted) break;
      await bring(one);
    }
    if (!run.halted && !run.stopping.signal.aborted) run.held = await heldBy(address);
  } catch (error) {
    run.halted = error.message;
  }
  button.disabled = false;
  told.querySelector("[name=stop]").hidden = true;
  end();
}

async function bring(one) {
  one.row ??= newRow(one);
  const against = await reasonAgainst(one);
  if (against) return set(one, against.state, against.why);
  set(one, "going", "");
  const answer = await send(form, one, (bytes) => moved(one, bytes), run.stopping.signal);
  if (!answer.taken) run.sent -= one.moved;
  if (answer.broken) run.halted = answer.broken;
  run.sent += answer.taken ? one.file.size - one.moved : 0;
  one.moved = 0;
  set(one, answer.taken ? "done" : answer.refused ? "refused" : "broken", answer.refused ?? answer.broken ?? "");
}

// Why a file need not, or can't, be sent; nothing if it is to be sent.
async function reasonAgainst(one) {
  const held = run.held.get(one.path);
  if (run.lines && !one.line) return { state: "refused", why: `${MANIFEST} does not name it. It was not sent.` };
  if (one.line && one.line.bytes !== one.file.size)
    return {
      state: "refused",
      why: `It has ${count(one.file.size, "byte", "bytes")}, and ${MANIFEST} says ${count(one.line.bytes, "byte", "bytes")}. It was not sent.`,
    };
  if (held) {
    const same = await isSame(one, held);
    if (same === false) return { state: "refused", why: "The draft has other bytes under this name. Remove them there first." };
    return { state: "there", why: same ? "" : "Compared by name and size, because it is too large to be hashed here." };
  }
  const largest = Number(form.dataset.largest);
  if (one.file.size > largest)
    return { state: "refused", why: `It is larger than ${size(largest)}. Bring it in with manage.py catalog ingest on the server.` };
  return null;
}

function newRow(one) {
  const row = copyOf("[data-upload-row]").querySelector("li");
  row.querySelector(".upload-path").textContent = one.path;
  row.querySelector("[data-path]").textContent = `: ${one.path}`;
  row.querySelector("progress").setAttribute("aria-label", one.path);
  row.querySelector("[name=again]").addEventListener("click", () => again(one));
  rows.prepend(row);
  return row;
}

function set(one, state, why) {
  one.state = state;
  const row = one.row;
  row.dataset.state = state;
  row.querySelector("[data-state]").replaceChildren(copyOf(`[data-upload-state=${state}]`));
  row.querySelector(".bar").hidden = state !== "going" && state !== "storing";
  row.querySelector("[name=again]").hidden = state !== "refused" && state !== "broken";
  Object.assign(row.querySelector("[data-why]"), { textContent: why, hidden: !why });
  if (state === "refused" || state === "broken") document.getElementById("said").textContent = `${one.path}: ${why}`;
  if (state === "going") moved(one, 0);
  const quiet = [...rows.querySelectorAll("[data-state=done], [data-state=there]")].filter((found) => found.matches("li"));
  for (const old of quiet.slice(QUIET_ROWS)) old.remove();
  showAll();
}

function moved(one, bytes) {
  run.sent += bytes - (one.moved ?? 0);
  one.moved = bytes;
  const bar = one.row.querySelector("progress");
  Object.assign(bar, { max: one.file.size || 1, value: bytes });
  const isThere = bytes === one.file.size && bytes > 0;
  one.row.querySelector(".bar-words").textContent = isThere
    ? "All of it has arrived and is being hashed and stored."
    : `${size(bytes)} of ${size(one.file.size)}`;
  if (isThere && one.state === "going") set(one, "storing", "");
  else showAll();
}

function showAll() {
  const good = run.files.filter((one) => one.state === "done" || one.state === "there");
  const going = run.files.find((one) => one.state === "going" || one.state === "storing");
  const there = good.reduce((sum, one) => sum + one.file.size, 0) + (going?.moved ?? 0);
  const rate = run.sent / Math.max((performance.now() - run.began) / 1000, 0.001);
  Object.assign(told.querySelector(".upload-all progress"), { max: run.total || 1, value: run.total ? there : 1 });
  const words = [`${good.length.toLocaleString("en-US")} of ${count(run.files.length, "file", "files")}`, `${size(there)} of ${size(run.total)}`];
  if (going && rate > 0) words.push(`${size(rate)} a second`, left((run.total - there) / rate));
  told.querySelector(".upload-all .bar-words").textContent = words.filter(Boolean).join(", ");
}

function again(one) {
  if (told.querySelector("[name=stop]").hidden) return goOn([one, ...run.files.filter((other) => !other.state)]);
}

// What there is in the end, and what comes next.
function end() {
  const lacking = run.files.filter((one) => one.state !== "done" && one.state !== "there");
  const unmet = run.lines ? [...run.lines.values()].filter((line) => run.held.get(line.path)?.sha256 !== line.sha256) : lacking;
  if (run.halted || run.stopping.signal.aborted) conclude("halted", `${run.halted || "You stopped it."} ${standing(lacking.length)}`);
  else if (unmet.length) conclude("partial", `Missing: ${named(unmet)}. ${lacking.length ? "The rows below say why." : "Choose them too."}`);
  else if (run.lines) conclude("whole", `It has ${count(run.lines.size, "file", "files")}, all that ${MANIFEST} names, with just those bytes. Next, look at it once more and publish it.`);
  else conclude("whole", `It has ${count(run.files.length, "file", "files")}, all that you chose. Bring in more, or look at it once more and publish it.`);
  showHeld();
}

const standing = (lacking) => `${count(run.files.length - lacking, "file is", "files are")} in the draft, ${lacking.toLocaleString("en-US")} not yet.`;

function named(list) {
  const [first, rest] = [list.slice(0, 5).map((one) => one.path), list.length - 5];
  return first.join(", ") + (rest > 0 ? ` and ${count(rest, "other", "others")}` : "");
}

function conclude(kind, words) {
  const ending = copyOf(`[data-upload-ending=${kind}]`);
  ending.querySelector("[data-words]").textContent = words;
  ending.querySelector("[name=on]")?.addEventListener("click", () => goOn(run.files.filter((one) => !one.state || one.state === "broken")));
  told.querySelector("[data-upload-end]").replaceChildren(ending);
  document.getElementById("said").textContent = words;
}

// The list of what the draft has, as the page would show it now.
async function showHeld() {
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-upload-held]");
  if (fresh) document.querySelector("[data-upload-held]").replaceWith(fresh);
}

async function linesOf(manifest) {
  if (!manifest) return null;
  try {
    return new Map(JSON.parse(await manifest.text()).files.map((line) => [line.path, line]));
  } catch {
    throw new Error(`${MANIFEST} is no JSON with a list of files, so nothing can be checked against it.`);
  }
}

// What was chosen, as {file, path, line}: a folder's files by their place in it, single ones by their name.
async function chosen() {
  const above = form.elements.folder.value.replace(/^\/+|\/+$/g, "");
  const below = (path) => (above ? `${above}/${path}` : path);
  const inFolder = [...document.getElementById("id_whole").files].map((file) => [file, file.webkitRelativePath.split("/").slice(1).join("/")]);
  const single = [...form.elements.uploads.files].map((file) => [file, file.name]);
  const manifest = form.elements.manifest.files[0] ?? inFolder.find(([, path]) => path === MANIFEST)?.[0];
  const lines = await linesOf(manifest);
  const data = [...inFolder, ...single].filter(([file, path]) => !lines || path !== MANIFEST || lines.has(path));
  return { lines, files: data.map(([file, path]) => ({ file, path: below(path), line: lines?.get(below(path)) })) };
}

if (form && told) {
  const whole = form.querySelector("[data-upload-whole]");
  whole.hidden = false;
  whole.querySelector("input").addEventListener("change", (event) => {
    form.elements.uploads.required = event.target.files.length === 0;
  });
  told.querySelector("[name=stop]").addEventListener("click", () => run.stopping.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const { files, lines } = await chosen();
      await start(files, lines);
    } catch (error) {
      told.hidden = false;
      conclude("unread", error.message);
    }
  });
  addEventListener("beforeunload", (event) => {
    if (run && !told.querySelector("[name=stop]").hidden) event.preventDefault();
  });
}
