// What the page of an upload asks of the portal: what the draft has, and to take one file. Both answers are JSON.
const JSON_ONLY = { Accept: "application/json" };
const HASHED_HERE = 64 * 1024 * 1024; // bytes; the browser hashes no larger file, because it would have to hold it whole
const AWAY = "The portal did not answer. What is in the draft stays there.";

// path -> {bytes, sha256} of all that the draft has; throws an Error with words where the portal does not say it.
export async function heldBy(address) {
  const held = new Map();
  for (let after = ""; after !== null; ) {
    const asked = new URL(address);
    asked.searchParams.set("after", after);
    const answer = await fetch(asked, { headers: JSON_ONLY }).catch(() => null);
    const told = await answer?.json().catch(() => null);
    if (!told?.files) throw new Error(told?.reason || (answer ? unexpected(answer.status) : AWAY));
    for (const file of told.files) held.set(file.path, file);
    after = told.after;
  }
  return held;
}

// Send one file. `line` is what the manifest says of it, or nothing. Resolves to {taken}, {refused: words} or
// {broken: words}; moved(bytes) is told on the way, and `signal` breaks it off.
export function send(form, { file, path, line }, moved, signal) {
  const cut = path.lastIndexOf("/");
  const body = new FormData();
  body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  body.append("folder", cut < 0 ? "" : path.slice(0, cut));
  if (line) body.append("manifest", new Blob([JSON.stringify({ files: [line] })]), "dataset.json");
  body.append("uploads", file, path.slice(cut + 1));
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", JSON_ONLY.Accept);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => moved(Math.min(event.loaded, file.size)));
    request.addEventListener("load", () => resolve(outcome(request)));
    const changed = "If the file changed since you chose it, choose it again.";
    request.addEventListener("error", () => resolve({ broken: `The connection broke. ${changed}` }));
    request.addEventListener("abort", () => resolve({ broken: "You stopped it." }));
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}

function outcome({ status, response }) {
  if (status === 201 && response?.files) return { taken: response.files };
  if (status === 422) return { refused: response?.reason ?? unexpected(status) };
  return { broken: response?.reason || unexpected(status) };
}

function unexpected(status) {
  if (status === 200) return "You are signed out. Sign in in another tab, then go on here.";
  if (status === 413) return "This page is too old to send that much. Load it anew and choose the files again.";
  return `The portal answered with error ${status}. Try again in a minute.`;
}

// Whether the draft's file is this one; null where only the size could be compared.
export async function isSame({ file, line }, held) {
  if (file.size !== held.bytes) return false;
  if (line) return line.sha256 === held.sha256;
  if (file.size > HASHED_HERE || !globalThis.crypto?.subtle) return null;
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("") === held.sha256;
}
