// What a job prints, as it comes. The browser connects anew by itself and says up to which byte it has all.
const place = document.querySelector("[data-log]");
const state = document.getElementById("log-state");
const MOST = 2_000_000; // characters that a page keeps

if (place) {
  const source = new EventSource(place.dataset.log);
  const follow = () => { place.scrollTop = place.scrollHeight; };
  follow();
  source.addEventListener("open", () => { state.textContent = "It is shown as it comes."; });
  source.addEventListener("message", (event) => {
    const isAtEnd = place.scrollTop + place.clientHeight >= place.scrollHeight - 8;
    place.append(JSON.parse(event.data));
    if (place.textContent.length > MOST) place.textContent = place.textContent.slice(-MOST / 2);
    if (isAtEnd) follow();
  });
  source.addEventListener("over", () => { source.close(); state.textContent = "It has ended."; });
  source.addEventListener("error", () => { state.textContent = "The connection broke; it is tried again by itself."; });
  addEventListener("pagehide", () => source.close());
}
