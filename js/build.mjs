// Bundles the widget, the modules it loads on demand and its style sheet into the Python package; fails over the budget.
import { mkdir, readFile, stat } from "node:fs/promises";
import { build, transform } from "esbuild";

const out = new URL("../flow_widgets/widget/static/", import.meta.url).pathname;
const budget = {
  "flow_widget.js": 99_000,
  "flow_widget.css": 27_000,
  "flow_graph.js": 80_000,
  "flow_tools.js": 12_000,
};
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

/** Leaves imports of some names to whoever loads the module. */
function external(filter) {
  const setup = ({ onResolve }) => onResolve({ filter }, ({ path }) => ({ path, external: true }));
  return { name: "external", setup };
}

/** Imports a style sheet as its text, minified. */
const styleAsText = {
  name: "style-as-text",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    }),
};

await mkdir(out, { recursive: true });
await build({ ...shared, entryPoints: { flow_widget: "src/flow-widget.tsx" }, outdir: out });
await build({
  ...shared,
  // Functions of `require`, so that they run on the widget's own Preact and context.
  format: "cjs",
  external: ["preact/*"],
  plugins: [external(/^\.\/(context|controls)$/), styleAsText],
  banner: { js: "export default(require)=>{const module={exports:{}};" },
  footer: { js: "return module.exports}" },
  entryPoints: {
    flow_markdown: "src/flow-markdown.ts",
    flow_graph: "src/flow-graph.ts",
    flow_tools: "src/flow-tools.ts",
  },
  outdir: out,
});
await build({ ...shared, entryPoints: { flow_widget: "src/styles/flow-widget.css" }, outdir: out });
if (process.argv.includes("--gallery")) {
  const entryPoints = { gallery: "test/gallery.tsx" };
  await build({ ...shared, minify: false, entryPoints, outdir: "node_modules/.gallery" });
}
for (const name of [
  "flow_widget.js",
  "flow_widget.css",
  "flow_markdown.js",
  "flow_graph.js",
  "flow_tools.js",
]) {
  const { size } = await stat(out + name);
  console.log(`${name}  ${size} bytes`);
  if (size > (budget[name] ?? Number.POSITIVE_INFINITY)) {
    throw new Error(`${name} has ${size} bytes, the budget is ${budget[name]}.`);
  }
}
