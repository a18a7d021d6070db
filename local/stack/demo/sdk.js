// The provider's SDK, embedded: the real one, or a stand-in for it that the simulator knows about.

/**
 * Lets the user verify themselves inside `dialog`.
 *
 * @param {object} options
 * @param {HTMLDialogElement} options.dialog
 * @param {string | null} options.script where the provider's own SDK is; the stand-in takes its place if that is null
 * @param {string} options.user
 * @param {() => Promise<string>} options.accessToken a new token of the API; called again whenever one has expired
 * @param {(method: string, call: string, body?: object) => Promise<object>} options.simulate asks the simulator
 * @returns {Promise<boolean>} whether the user has submitted something
 */
export async function verify({ dialog, script, user, accessToken, simulate }) {
  const token = await accessToken();
  return script
    ? real(dialog, script, token, accessToken)
    : standIn(dialog, simulate, `applicants/${encodeURIComponent(user)}`);
}

/** https://docs.sumsub.com/docs/get-started-with-web-sdk */
async function real(dialog, script, token, accessToken) {
  await load(script);
  let submitted = false;
  const done = () => {
    submitted = true;
    dialog.close();
  };
  const sdk = window.snsWebSdk
    .init(token, accessToken)
    .withConf({ lang: document.documentElement.lang })
    .on("idCheck.onApplicantSubmitted", done)
    .on("idCheck.onApplicantResubmitted", done)
    .build();
  dialog.querySelector("form").hidden = true;
  const closed = open(dialog);
  sdk.launch(dialog.querySelector("#sdk-container"));
  await closed;
  sdk.destroy();
  return submitted;
}

async function standIn(dialog, simulate, applicant) {
  // As at the provider, the applicant comes to be when the SDK is opened.
  await simulate("POST", `${applicant}/start`);
  const form = dialog.querySelector("form");
  const selfie = dialog.querySelector("#selfie");
  const taken = dialog.querySelector("#selfie-taken");
  const hint = dialog.querySelector("#sdk-hint");
  let submitted = false;
  const take = () => {
    taken.textContent = "Selfie taken.";
    hint.textContent = "";
  };
  const submit = async (event) => {
    event.preventDefault();
    if (!taken.textContent) {
      hint.textContent = "Take a selfie first.";
      selfie.focus();
      return;
    }
    const { type, country } = Object.fromEntries(new FormData(form));
    try {
      await simulate("POST", `${applicant}/submit`, { country, documents: [{ idDocType: type, country }] });
      submitted = true;
      dialog.close();
    } catch (error) {
      hint.textContent = error.message;
    }
  };
  form.reset();
  taken.textContent = hint.textContent = "";
  selfie.addEventListener("click", take);
  form.addEventListener("submit", submit);
  await open(dialog);
  selfie.removeEventListener("click", take);
  form.removeEventListener("submit", submit);
  return submitted;
}

/** Opens a dialog; settles when it is closed again, by a button, the escape key or by itself. */
function open(dialog) {
  dialog.querySelector("#sdk-close").onclick = () => dialog.close();
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
}

function load(address) {
  if (window.snsWebSdk) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error("The provider's SDK could not be loaded.")));
    document.head.append(script);
  });
}
