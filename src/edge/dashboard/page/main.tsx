/** The page's entry: puts the dashboard into the document. */
import { render } from "preact";
import { App } from "./app.tsx";
import { applyTheme, storedTheme } from "./state/theme.ts";

applyTheme(storedTheme());
render(<App />, document.getElementById("root")!); // index.html has it
