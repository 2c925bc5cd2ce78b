// @vitest-environment happy-dom
// Model output is text: nothing in it becomes an element of its own choice, an address or a script.
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { render } from "preact";
import { expect, test } from "vitest";
import { InputEdits } from "../src/host/inputs";
import { Session } from "../src/host/session";
import { markdown, safeHref } from "../src/model/markdown";
import { UiContext } from "../src/ui/context";
import { Frame } from "../src/ui/frame";
import { MarkdownView } from "../src/ui/markdown-view";
import { UiState } from "../src/ui/ui-state";
import { FakeModel } from "./fake-model";
import { flowView, view } from "./make";

function draw(source: string): HTMLElement {
  const root = document.createElement("div");
  const session = new Session(new FakeModel(flowView([]), view(null)));
  const { signal } = new AbortController();
  const ui = {
    session,
    inputs: new InputEdits(session),
    state: new UiState(flowView([])),
    frame: new Frame(signal),
    signal,
    announce: () => undefined,
    goTo: () => undefined,
  };
  render(
    <UiContext.Provider value={ui}>
      <MarkdownView blocks={markdown(source)} />
    </UiContext.Provider>,
    root,
  );
  return root;
}

const ATTACKS = [
  "<script>window.hit = 1</script>",
  '<img src=x onerror="window.hit = 1">',
  '<iframe srcdoc="<script>parent.hit = 1</script>"></iframe>',
  '<details open ontoggle="window.hit = 1">x</details>',
  '<svg onload="window.hit = 1">',
  "[x](javascript:window.hit=1)",
  "[x](JaVaScRiPt:window.hit=1)",
  "[x](java&#10;script:window.hit=1)",
  "[x](data:text/html,<script>1</script>)",
  "[x](vbscript:msgbox)",
  "<javascript:window.hit=1>",
  "![x](https://evil.example/leak.png)",
  "![x](javascript:window.hit=1)",
  "[ref]\n\n[ref]: javascript:window.hit=1",
  "<form action=https://evil.example><input name=p></form>",
  '<div style="position:fixed;inset:0">overlay</div>',
  "<style>body{display:none}</style>",
  '[x](https://a.example "\\" onmouseover=\\"window.hit=1")',
  "```\n</code></pre><script>window.hit = 1</script>\n```",
  "| a |\n|---|\n| <img src=x onerror=window.hit=1> |",
  '<math><mi xlink:href="javascript:window.hit=1">x</mi></math>',
];

test.each(ATTACKS)("stays text: %s", (source) => {
  const root = draw(source);
  const foreign = root.querySelectorAll(
    "script,img,iframe,details,form,style,math,object,embed,link,meta,video,audio",
  );
  const addresses = [...root.querySelectorAll("a")].map((a) => a.getAttribute("href") ?? "");
  const handlers = [...root.querySelectorAll("*")].flatMap((e) =>
    e.getAttributeNames().filter((name) => name.startsWith("on")),
  );

  expect([foreign.length, addresses.filter((href) => !/^(https?:|mailto:)/.test(href)), handlers]).toEqual([
    0,
    [],
    [],
  ]);
  expect((window as unknown as { hit?: number }).hit).toBeUndefined();
});

test("raw HTML is shown as it was written", () => {
  expect(draw("a <b>c</b>").textContent).toBe("a <b>c</b>");
});

test("an image is its words and its address", () => {
  expect(draw("![chart](https://x.example/y.png)").textContent).toBe("chart (https://x.example/y.png)");
});

test("a link opens elsewhere and tells nothing", () => {
  const link = draw("[a](https://x.example)").querySelector("a");

  expect([link?.getAttribute("target"), link?.getAttribute("rel")]).toEqual([
    "_blank",
    "noopener noreferrer",
  ]);
});

test("relative and protocol-relative addresses are no links", () => {
  expect(["/a", "//x.example", "a.html", "#top", "file:///etc/passwd"].map(safeHref)).toEqual([
    null,
    null,
    null,
    null,
    null,
  ]);
});

test("lists nest, tasks are ticked, tables align", () => {
  const root = draw("1. a\n   - b\n\n- [x] c\n\n| n | v |\n|---|--:|\n| d | 1 |\n\n# H");

  expect([
    root.querySelector("ol > li > ul > li")?.textContent,
    root.querySelector(".tick")?.getAttribute("aria-label"),
    root.querySelector("td:last-child")?.getAttribute("style"),
    root.querySelector("[role=heading]")?.textContent,
  ]).toEqual(["b", "Done", expect.stringContaining("right"), "H"]);
});

test("a hostile nesting ends", () => {
  expect(draw(`${">".repeat(400)} deep`).textContent).toContain("deep");
});

test("no file writes HTML", () => {
  const files = ["host", "model", "ui"].flatMap((folder) =>
    readdirSync(resolve(import.meta.dirname, "../src", folder)).map((name) =>
      readFileSync(resolve(import.meta.dirname, "../src", folder, name), "utf8"),
    ),
  );
  const bad =
    /innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|\beval\(|new Function/;

  expect(files.filter((text) => bad.test(text))).toEqual([]);
});
