// A form that is kept while one types: whether what was typed arrived is said beside its button.
const noteOf = (event) => event.detail.requestConfig?.elt.closest("form[data-keeps]")?.querySelector("[data-kept]");

document.addEventListener("htmx:beforeSwap", (event) => {
  const note = noteOf(event);
  if (!note) return;
  const answer = new DOMParser().parseFromString(event.detail.serverResponse, "text/html");
  const arrived = event.detail.xhr.status < 400 && answer.getElementById(event.detail.target.id) !== null;
  event.detail.shouldSwap = arrived;
  note.textContent = arrived ? "Kept." : "Not kept yet: save it with the button.";
});

document.addEventListener("htmx:sendError", (event) => {
  const note = noteOf(event);
  if (note) note.textContent = "Not kept yet: the portal did not answer.";
});
