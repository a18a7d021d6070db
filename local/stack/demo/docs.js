// The API reference: openapi.yaml as Swagger UI shows it, with requests to this very system.

const dark = matchMedia("(prefers-color-scheme: dark)");
const adapt = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", adapt);
adapt();

/** The description names where the API is deployed; from here requests go nowhere but here. */
const here = () => ({
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec: (update) => (description) => update({ ...description, servers: [{ url: location.origin }] }),
      },
    },
  },
});

const reference = window.SwaggerUIBundle({
  url: "/openapi.yaml",
  domNode: document.querySelector("#reference"),
  plugins: [here],
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
});

document.querySelector("#sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const told = document.querySelector("#signed-in");
  const user = document.querySelector("#user-id").value;
  const answer = await fetch("/demo/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user }),
  });
  const { token, detail } = await answer.json();
  if (answer.ok) reference.preauthorizeApiKey("x-juno-jwt", token);
  told.textContent = answer.ok ? `Requests are sent as ${user}.` : detail;
});
