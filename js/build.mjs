// Bundles the widget, its Markdown module and its style sheet into the Python package; fails over the budget.
import { mkdir, stat } from "node:fs/promises";
import { build } from "esbuild";

const out = new URL("../flow_widgets/widget/static/", import.meta.url).pathname;
const budget = { "flow_widget.js": 95_000, "flow_widget.css": 25_000 };
const shared = {
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "warning",
};

await mkdir(out, { recursive: true });
await build({ ...shared, entryPoints: { flow_widget: "src/flow-widget.tsx" }, outdir: out });
await build({ ...shared, entryPoints: { flow_markdown: "src/flow-markdown.ts" }, outdir: out });
await build({ ...shared, entryPoints: { flow_widget: "src/styles/flow-widget.css" }, outdir: out });
if (process.argv.includes("--gallery")) {
  const entryPoints = { gallery: "test/gallery.tsx" };
  await build({ ...shared, minify: false, entryPoints, outdir: "node_modules/.gallery" });
}
for (const name of ["flow_widget.js", "flow_widget.css", "flow_markdown.js"]) {
  const { size } = await stat(out + name);
  console.log(`${name}  ${size} bytes`);
  if (size > (budget[name] ?? Number.POSITIVE_INFINITY)) {
    throw new Error(`${name} has ${size} bytes, the budget is ${budget[name]}.`);
  }
}
