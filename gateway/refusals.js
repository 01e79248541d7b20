// JupyterLab offers downloads in its menus; whoever asks for one reads here why there is none. The refusal itself is not
// here: the page's policy lets the browser save nothing, and the gateway gives no file out.
(() => {
  "use strict";
  const WORDS =
    "Files do not leave a workspace this way. They leave by release alone; " +
    "your workspace's page in the portal says how.";

  /* The gateway's own words; to ask for them is what puts the attempt on the record. */
  const told = async (address) => {
    if (new URL(address, location).origin !== location.origin) return WORDS;
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      return (answer.status === 403 && (await answer.json()).message) || WORDS;
    } catch {
      return WORDS;
    }
  };

  const element = (name, text, style) =>
    Object.assign(document.createElement(name), { textContent: text, style });

  const show = (words) => {
    document.getElementById("workspace-refusal")?.remove();
    const dialog = element("dialog", "", "max-width:26rem;padding:1.5rem;border-radius:12px;" +
      "font:14px/1.5 var(--jp-ui-font-family,sans-serif);color:var(--jp-ui-font-color1,CanvasText);" +
      "background:var(--jp-layout-color1,Canvas);border:1px solid var(--jp-border-color1,GrayText)");
    dialog.id = "workspace-refusal";
    const title = element("h2", "No download", "margin:0 0 .5rem;font-size:1.2rem");
    title.id = "workspace-refusal-title";
    dialog.setAttribute("aria-labelledby", title.id);
    const close = element("button", "Close", "padding:.4rem 1rem;border-radius:6px;font:inherit;color:inherit;" +
      "background:var(--jp-layout-color2,ButtonFace);border:1px solid var(--jp-border-color1,GrayText)");
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    dialog.append(title, element("p", words, "margin:0 0 1rem"), close);
    document.body.append(dialog);
    dialog.showModal();
  };

  document.addEventListener(
    "click",
    async (event) => {
      const link = event.target instanceof Element && event.target.closest("a[download]");
      if (!link) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      show(await told(link.href));
    },
    true,
  );
})();
