// @vitest-environment happy-dom
// The widget on a page, over a model without a kernel.
import { afterEach, expect, test, vi } from "vitest";
import * as tools from "../src/flow-tools";
import { toolsPart } from "../src/ui/tools";
import { graphRun, triggers } from "./graphs";
import { actionDef, actionView, delta, errorView, flowView, runView, stepView, view } from "./make";
import { button, find, open } from "./page";

toolsPart.value = tools;
afterEach(() => document.body.replaceChildren());

const live = () => {
  const done = actionView({ text: "Done.", ended_at: 1 });
  const steps = [stepView([done, actionView({ status: "running", text: "Hal" })], { status: "running" })];
  return view(
    runView([...steps, stepView([actionView({ status: "pending", attempt: 0 })])], {
      status: "running",
      ended_at: null,
    }),
  );
};

test("a flow that never ran shows its prompts and can be run", () => {
  const { root, model } = open(view(null));

  find(root, ".fw-run-flow").click();

  expect(find(root, ".fw-title .fw-status").textContent).toBe("Not run yet");
  expect(find(root, ".fw-prompt").textContent).toContain("Summarise {{report}}");
  expect(model.ops()).toEqual(["sync", "run_flow"]);
});

test("a button ignores presses until the ack", () => {
  const { root, model } = open(view(null));

  find(root, ".fw-run-flow").click();
  find(root, ".fw-run-flow").click();

  expect(model.ops()).toEqual(["sync", "run_flow"]);
});

test("play of an action sends its place", () => {
  const { root, model } = open(view(null));

  find(root, '.fw-action[data-step="0"][data-action="1"] .fw-run-action').click();
  find(root, '.fw-step[data-step="1"] .fw-run-step').click();

  expect(model.sent.slice(1)).toEqual([
    { op: "run_action", step: 0, action: 1, c: 2 },
    { op: "run_step", step: 1, c: 3 },
  ]);
});

test("every focusable element keeps the notebook's shortcuts away", () => {
  const { root } = open(live());

  const bare = [...root.querySelectorAll<HTMLElement>("button,input,select,textarea,a,[tabindex]")].filter(
    (element) => element.dataset.lmSuppressShortcuts !== "true",
  );

  expect(bare).toEqual([]);
});

test("growing text is appended to the node that is there", async () => {
  const { root, model } = open(live());
  await vi.waitFor(() => expect(find(root, '[data-action="1"] .fw-output').textContent).toBe("Hal"));
  const node = find(root, '[data-action="1"] .pre').firstChild;

  model.message({ k: "d", ...delta(1, { add: [[0, 1, 3, "lo"]] }) });

  await vi.waitFor(() => expect(node?.textContent).toBe("Hallo"));
  expect(find(root, '[data-action="1"] .fw-output').textContent).toBe("Hallo");
});

test("of a long streaming text the last 4 kB are in the page", async () => {
  const start = live();
  const action = start.run?.steps[0]?.actions[1];
  if (action) action.text = "0123456789".repeat(2000);

  const { root } = open(start);

  await vi.waitFor(() => expect(find(root, '[data-action="1"] .fw-output').textContent?.length).toBe(4096));
  expect(find(root, '[data-action="1"] .fw-more').textContent).toContain("Last 4\u00a0kB of 20\u00a0kB");
});

test("a status from Python changes the card", async () => {
  const { root, model } = open(live());

  model.message({
    k: "d",
    ...delta(1, {
      set: [
        [
          ["run", "steps", 0, "actions", 1],
          actionView({ status: "failed", error: errorView("It broke.", "Retry.") }) as never,
        ],
      ],
    }),
  });

  await vi.waitFor(() => expect(find(root, '[data-action="1"]').dataset.status).toBe("failed"));
  expect(find(root, ".fw-msg.err").textContent).toContain("It broke.");
});

test("a settled status shows in the card's own words", async () => {
  const { root, model } = open(live());

  model.message({
    k: "d",
    ...delta(1, { set: [[["run", "steps", 0, "actions", 1, "status"], "completed"]] }),
  });

  await vi.waitFor(() => expect(find(root, '[data-action="1"] .fw-status').textContent).toBe("Completed"));
});

test("a gone kernel disables every command and says so", async () => {
  const { root, model } = open(
    view(runView([stepView([actionView(), actionView()]), stepView([actionView()])])),
  );
  model.gone = true;

  find(root, ".fw-run-flow").click();

  await vi.waitFor(() =>
    expect(root.textContent).toContain("Kernel restarted: run the cell again. Outputs below are from run 3."),
  );
  const enabled = [...root.querySelectorAll(".fw-run-flow,.fw-run-step,.fw-run-action")].filter(
    (button) => button.getAttribute("aria-disabled") !== "true",
  );
  expect([enabled, find(root, ".fw-title .fw-status").textContent]).toEqual([[], "Disconnected"]);
});

test("two views share the run, not the folding", async () => {
  const { roots } = open(live(), 2);
  const [one, two] = roots;
  if (one === undefined || two === undefined) throw new Error("two views");

  find(one, '[aria-label="Collapse step Read"]').click();

  await vi.waitFor(() => expect(one.querySelectorAll(".fw-action")).toHaveLength(1));
  expect(two.querySelectorAll(".fw-action")).toHaveLength(3);
});

test("the end of a view leaves nothing on the page", () => {
  const { root, end, model } = open(live());

  end.abort();

  expect([root.childElementCount, model.heard]).toEqual([0, 0]);
});

test("hostile names and outputs are text", async () => {
  const start = live();
  const action = start.run?.steps[0]?.actions[0];
  if (action) action.text = '<img src=x onerror="window.hit=1"> <script>window.hit=1</script>';

  const { root } = open(start);

  await vi.waitFor(() =>
    expect(find(root, '[data-action="0"] .fw-output').textContent).toContain("<script>"),
  );
  expect(root.querySelectorAll("img,script")).toHaveLength(0);
});

function choose(select: HTMLElement, value: string): void {
  (select as HTMLSelectElement).value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}

test("with several triggers a run starts at the chosen one, each view with its own", async () => {
  const { roots, model } = open(view(null), 2, triggers);
  const [one, two] = roots;
  if (one === undefined || two === undefined) throw new Error("two views");
  const select = find(one, ".fw-start select") as HTMLSelectElement;
  expect(select.labels?.[0]?.firstChild?.textContent).toBe("Start at");
  expect([...select.options].map((option) => option.textContent)).toEqual([
    "0 · An order arrives by post",
    "1 · Hook",
    "2 · Every morning",
  ]);

  choose(select, "1");
  await vi.waitFor(() => expect(find(one, ".fw-run-flow").title).toBe(""));
  find(one, ".fw-run-flow").click();

  expect(model.sent.at(-1)).toMatchObject({ op: "run_flow", inputs: null, trigger: 1 });
  expect((find(two, ".fw-start select") as HTMLSelectElement).value).toBe("0");
});

test("only what the chosen trigger is handed must be there", async () => {
  const { root } = open(view(null), 1, triggers);
  expect(find(root, ".fw-run-flow").title).toBe("Enter order first");

  choose(find(root, ".fw-start select"), "2");

  await vi.waitFor(() => expect(find(root, ".fw-run-flow").getAttribute("aria-disabled")).toBe(null));
});

test("tokens of long work are shown, and so is what it is at before anything is done", () => {
  const def = actionDef("Each town", { type: "map", model: null });
  const progress = { done: 0, total: 4, text: "oslo: Ask" };
  const run = graphRun(["running"], [], {}, { 0: { progress, tokens: 1204 } });

  const { root } = open(run, 1, flowView([["Each town", [def]]]));

  expect(find(root, ".fw-action-meta").textContent).toContain("1,204\u00a0tokens");
  expect(find(root, ".fw-done").textContent).toBe("0 of 4oslo: Ask");
  expect(find(root, ".fw-done .fw-bar").dataset.idle).toBe("");
});

test("of several paths in a reference the unknown one is named, with its nearest", async () => {
  const { root } = open(view(null));
  find(root, '[aria-label="Edit action Timeline"]').click();
  await vi.waitFor(() => find(root, ".fw-form"));
  const prompt = [...root.querySelectorAll<HTMLTextAreaElement>(".fw-form textarea")][1];
  if (prompt === undefined) throw new Error("no prompt");

  prompt.value = "{{report ?? audence}}";
  prompt.dispatchEvent(new Event("input", { bubbles: true }));

  await vi.waitFor(() =>
    expect(find(root, ".fw-problem").textContent).toBe("{{audence}} is not known. Nearest: {{audience}}."),
  );
  expect(find(root, ".mirror .bad").textContent).toBe("{{report ?? audence}}");
});

test("the editor sends what changed and then runs", async () => {
  const { root, model } = open(view(null));
  model.answer = (command) => queueMicrotask(() => model.ack(command));
  find(root, '[aria-label="Edit action Timeline"]').click();
  await vi.waitFor(() => find(root, ".fw-form"));
  const prompt = [...root.querySelectorAll<HTMLTextAreaElement>(".fw-form textarea")][1];
  if (prompt === undefined) throw new Error("no prompt");

  prompt.value = "New {{report}}";
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
  await Promise.resolve();
  prompt.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true }));

  await vi.waitFor(() => expect(model.ops().slice(1)).toEqual(["edit", "run_action"]));
  expect(model.sent[1]).toEqual({
    op: "edit",
    step: 0,
    action: 0,
    fields: { prompt: "New {{report}}" },
    c: 2,
  });
});

test("an edit can be saved without a run", async () => {
  const { root, model } = open(view(null));
  model.answer = (command) => queueMicrotask(() => model.ack(command));
  find(root, '[aria-label="Edit action Timeline"]').click();
  await vi.waitFor(() => find(root, ".fw-form"));
  expect(button(root, "Save edit").title).toBe("Nothing is edited");
  const prompt = root.querySelectorAll<HTMLTextAreaElement>(".fw-form textarea")[1];
  if (prompt === undefined) throw new Error("no prompt");

  prompt.value = "New {{report}}";
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
  await vi.waitFor(() => expect(button(root, "Save edit").getAttribute("aria-disabled")).toBeNull());
  button(root, "Save edit").click();

  await vi.waitFor(() => expect(root.querySelector(".fw-form")).toBeNull());
  expect(model.ops().slice(1)).toEqual(["edit"]);
  expect(document.activeElement?.getAttribute("aria-label")).toBe("Edit action Timeline");
});

test("what an action will do stands in its card, and in code nothing is a reference", () => {
  const plain = { model: null, fields: null };
  const set = actionDef("Set", { ...plain, type: "set_state", prompt: "n: {{report}}" });
  const code = actionDef("Code", { ...plain, type: "code", prompt: "a = {{1}}" });
  const { root } = open(view(null), 1, flowView([["Both", [set, code]]], { references: ["report"] }));

  const [first, second] = root.querySelectorAll(".fw-prompt");
  expect([first?.textContent, second?.textContent]).toEqual([
    "Definitionn: {{report}}",
    "Definitiona = {{1}}",
  ]);
  expect([first?.querySelectorAll(".ref").length, second?.querySelectorAll(".ref").length]).toEqual([1, 0]);
});

test.each([
  ["4", 0],
  ["-1.5e3\n", 0],
  ["true", 0],
  ["null", 0],
  ["4 bees", 2],
])("the output %j can be shown in %d ways", (text, ways) => {
  const run = graphRun(["completed"], [], {}, { 0: { text } });
  const { root } = open(run, 1, flowView([["One", [actionDef("One")]]]));

  expect(root.querySelectorAll('[aria-label="View output as"] button')).toHaveLength(ways);
});
