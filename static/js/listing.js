// Listings: a filter acts when it is changed, what came of it is told to screen readers, and an answer that is no listing
// (a sign-in page, an error) is opened as the page it is.
const region = (event) => event.detail.target?.closest?.(".listing");
const openAsPage = (event) => location.assign(event.detail.pathInfo.finalRequestPath ?? event.detail.pathInfo.requestPath);

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-filters]");
  if (form && event.target.matches("select, input:not([type=search]):not([type=text])")) form.requestSubmit();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const listing = region(event);
  if (!listing) return;
  const answer = new DOMParser().parseFromString(event.detail.serverResponse, "text/html");
  if (event.detail.xhr.status < 400 && answer.getElementById(listing.id)) return;
  event.detail.shouldSwap = false;
  openAsPage(event);
});

document.addEventListener("htmx:afterSettle", (event) => {
  const words = document.getElementById(event.detail.target?.id)?.querySelector("[data-said]")?.textContent.trim();
  const said = document.getElementById("said");
  if (words && said) said.textContent = words;
});
