// Recovery codes: copy them, or save them as a file. Both happen in the browser only.
const list = document.querySelector("[data-codes]");
const keep = document.querySelector("[data-codes-keep]");

if (list && keep) {
  const codes = [...list.querySelectorAll("code")].map((code) => code.textContent.trim());
  const text = `Recovery codes for the CAIA portal\nEach works once.\n\n${codes.join("\n")}\n`;
  const copy = keep.querySelector("[name=copy]");
  keep.hidden = false;

  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    copy.lastChild.textContent = "Copied";
  });

  keep.querySelector("[name=save]").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    link.download = "caia-recovery-codes.txt";
    link.click();
    URL.revokeObjectURL(link.href);
  });
}
