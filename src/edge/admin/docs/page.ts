/** The texts of the page at `/docs`: markup, style and script, each served as a file of its own. They run in a browser. */

/** Where the dashboard keeps its token too: who is known there is known here. */
const TOKEN_KEY = "distributed_system.token";

export const DOCS_HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>distributed_system: HTTP API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/page.css">
</head>
<body>
<header>
<h1>distributed_system: HTTP API</h1>
<form id="who">
<label for="token">Token</label>
<input id="token" type="password" autocomplete="off" spellcheck="false" placeholder="distributed_system token create --role viewer">
<button type="submit">Use</button>
<button type="button" id="forget">Forget</button>
</form>
<p id="told" role="status" aria-live="polite"></p>
</header>
<main id="api"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/page.js"></script>
</body>
</html>
`;

export const DOCS_STYLE = `body { margin: 0; background: #fafafa; color: #1b1b1b; font-family: system-ui, sans-serif; }
header { padding: 1rem 1.5rem; border-bottom: 1px solid #d5d5d5; background: #fff; }
header h1 { margin: 0 0 .5rem; font-size: 1.25rem; }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
input { flex: 1 1 16rem; max-width: 40rem; padding: .4rem .6rem; font: inherit; }
button { padding: .4rem .8rem; font: inherit; }
#told:empty { display: none; }
#told { margin: .5rem 0 0; }
`;

export const DOCS_SCRIPT = `"use strict";
(() => {
  const KEY = ${JSON.stringify(TOKEN_KEY)};
  const field = document.getElementById("token");
  const told = document.getElementById("told");
  const say = (text) => { told.textContent = text; };
  const bearer = () => {
    const token = sessionStorage.getItem(KEY);
    return token === null ? {} : { authorization: "Bearer " + token };
  };
  const show = async () => {
    if (sessionStorage.getItem(KEY) === null) return say("Put in a token to see the API; a viewer's is enough.");
    const answer = await fetch("/openapi.json", { headers: bearer(), cache: "no-store" });
    const spec = await answer.json();
    if (!answer.ok) return say(spec.title + ": " + spec.detail);
    say("");
    SwaggerUIBundle({
      spec,
      domNode: document.getElementById("api"),
      deepLinking: true,
      validatorUrl: null,
      requestInterceptor: (request) => {
        Object.assign(request.headers, bearer());
        return request;
      },
    });
  };
  const start = () => show().catch((thrown) => say("The node does not answer: " + thrown.message));
  document.getElementById("who").addEventListener("submit", (event) => {
    event.preventDefault();
    const token = field.value.trim();
    if (token !== "") sessionStorage.setItem(KEY, token);
    field.value = "";
    start();
  });
  document.getElementById("forget").addEventListener("click", () => {
    sessionStorage.removeItem(KEY);
    document.getElementById("api").replaceChildren();
    start();
  });
  start();
})();
`;
