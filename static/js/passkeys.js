// Passkeys: forms marked data-passkey appear where the browser knows passkeys, and their button asks the device.
// add: makes one. prove: shows one that the page names. sign-in: shows any, with a challenge fetched at the click.

const toBytes = (text) => {
  const base64 = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
};

const toText = (buffer) => {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};

const withBytes = (list) => (list || []).map((one) => ({ ...one, id: toBytes(one.id) }));

const make = ({ publicKey }) =>
  navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: toBytes(publicKey.challenge),
      user: { ...publicKey.user, id: toBytes(publicKey.user.id) },
      excludeCredentials: withBytes(publicKey.excludeCredentials),
    },
  });

const show = ({ publicKey }) =>
  navigator.credentials.get({
    publicKey: {
      ...publicKey,
      challenge: toBytes(publicKey.challenge),
      allowCredentials: withBytes(publicKey.allowCredentials),
    },
  });

const asJson = (credential) => {
  const { response } = credential;
  const told = { clientDataJSON: toText(response.clientDataJSON) };
  if (response.attestationObject) {
    told.attestationObject = toText(response.attestationObject);
    told.transports = response.getTransports ? response.getTransports() : [];
  } else {
    told.authenticatorData = toText(response.authenticatorData);
    told.signature = toText(response.signature);
    if (response.userHandle) told.userHandle = toText(response.userHandle);
  }
  return JSON.stringify({
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: told,
  });
};

const onPage = () => JSON.parse(document.getElementById("passkey-options").textContent);

const fetched = async (form) => {
  const answer = await fetch(form.action, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return (await answer.json()).request_options;
};

const WAYS = {
  add: () => make(onPage().creation_options),
  prove: () => show(onPage().request_options),
  "sign-in": async (form) => show(await fetched(form)),
};

const WORDS = {
  InvalidStateError: "This device has a passkey for your account already.",
  NotAllowedError: "The device did not confirm it, or it took too long. Try again.",
  SecurityError: "Passkeys don't work at this address. Use the portal's usual address.",
};

async function ask(form) {
  const said = form.querySelector("[data-passkey-error]");
  said.hidden = true;
  try {
    const credential = await WAYS[form.dataset.passkey](form);
    form.elements.credential.value = asJson(credential);
    form.submit();
  } catch (error) {
    said.textContent = WORDS[error.name] || "That did not work. Try again, or choose another way.";
    said.hidden = false;
  }
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form);
    });
  }
  for (const words of document.querySelectorAll("[data-passkey-missing]")) words.hidden = true;
}
