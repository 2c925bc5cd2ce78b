// @vitest-environment happy-dom
// Waiting, going on, budgets, and where outputs come from, as the page shows them.
import { afterEach, describe, expect, test, vi } from "vitest";
import * as tools from "../src/flow-tools";
import type { ActionView, RunView, View } from "../src/model/wire";
import { toolsPart } from "../src/ui/tools";
import type { FakeModel } from "./fake-model";
import { actionDef, actionView, delta, errorView, flowView, NOW, runView, stepView, view } from "./make";
import { button, find, open } from "./page";

toolsPart.value = tools;
afterEach(() => document.body.replaceChildren());

const one = flowView([["Write", [actionDef("Summary")]]]);
const rate = errorView("The model is over its rate limit (429).", "Wait.", { request_id: "req_7c41e0" });

/** A run of one action, settled unless `part` says otherwise. */
function show(part: Partial<ActionView> = {}, run: Partial<RunView> = {}, more: Partial<View> = {}) {
  const action = actionView({ text: "Short.", ended_at: NOW + 1, ...part });
  const shown = runView([stepView([action], { status: action.status })], run);
  const page = open(view(shown, more), 1, one);
  page.model.answer = (command) => queueMicrotask(() => page.model.ack(command));
  return page;
}

function waiting(part: Partial<ActionView> = {}) {
  const wait = { until: NOW + 13.2, reason: "rate limit of gpt-4.1" };
  return show(
    { status: "waiting", ended_at: null, error: rate, text: "About 31 %", waits: wait, ...part },
    { status: "running", ended_at: null },
  );
}

const sent = (model: FakeModel) => model.sent.filter(({ op }) => op !== "sync" && op !== "asset");

function type(field: Element | null | undefined, value: string): void {
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement))
    throw new Error("no field");
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function key(element: HTMLElement, name: string, ctrlKey = false): void {
  element.dispatchEvent(new KeyboardEvent("keydown", { key: name, ctrlKey, bubbles: true }));
}

describe("a waiting action", () => {
  test("counts down and says why, with the text of the attempt that was stopped", () => {
    const { root } = waiting();

    expect(find(root, ".fw-action-meta + .fw-body .fw-msg p").textContent).toBe(
      "Next try in 6\u00a0s. The model is over its rate limit (429).",
    );
    expect(find(root, ".fw-msg .id").textContent).toBe("req_7c41e0");
    expect(find(root, ".fw-body > .fw-prompt").textContent).toBe(
      "Attempt 1 stopped after 10\u00a0charactersAbout 31 %",
    );
  });

  test("that was never tried says what it is held for, and what it will do", () => {
    const { root } = waiting({ error: null, attempt: 0, text: "", started_at: null });

    expect(find(root, ".fw-msg p").textContent).toBe("Next try in 6\u00a0s. Rate limit of gpt-4.1.");
    expect(find(root, ".fw-body > .fw-prompt").textContent).toContain("Summarise {{report}}");
  });

  test.each([null, NOW + 1])("with the instant %s goes on soon", (until) => {
    const { root } = waiting({ waits: { until, reason: "" } });

    expect(find(root, ".fw-msg strong").textContent).toBe("Next try soon.");
  });

  test("can be tried now; then the focus goes to its card", async () => {
    const { root, model } = waiting();
    const press = button(root, "Try now: Summary");
    press.focus();

    press.click();
    const running = actionView({ status: "running", attempt: 2 });
    model.message({
      k: "d",
      ...delta(1, { set: [[["run", "steps", 0, "actions", 0], running as never]] }),
    });

    expect(sent(model)).toEqual([{ op: "try_now", step: 0, action: 0, c: 2 }]);
    await vi.waitFor(() => expect(root.querySelector(".fw-msg")).toBeNull());
    expect(document.activeElement?.classList.contains("fw-action")).toBe(true);
  });

  test("is said to a screen reader when it begins to wait", async () => {
    const { root, model } = show(
      { status: "running", ended_at: null },
      { status: "running", ended_at: null },
    );
    const action = actionView({ status: "waiting", error: rate });
    model.message({
      k: "d",
      ...delta(1, {
        set: [
          [["run", "steps", 0, "status"], "waiting"],
          [["run", "steps", 0, "actions", 0], action as never],
        ],
      }),
    });

    await vi.waitFor(() =>
      expect(find(root, "[role=status]").textContent).toBe(
        "Summary waits. The model is over its rate limit (429).",
      ),
    );
  });
});

describe("going on", () => {
  test.each([
    ["interrupted", 0, "Resume"],
    ["canceled", 0, "Resume"],
    ["failed", 2, "Retry failed (2)"],
    ["failed", 0, "Resume"],
  ] as const)("with a run that is %s, %d failed: %s", async (status, failed, word) => {
    const { root, model } = show({}, { status, failed, resumable: 3 });

    button(find(root, ".fw-go"), word).click();

    await vi.waitFor(() => expect(sent(model)).toEqual([{ op: "resume", c: 2 }]));
  });

  test("is not offered while something runs, or when nothing is left", () => {
    const live = show({}, { status: "running", ended_at: null, resumable: 3 });
    const done = show({}, { status: "completed" });

    expect([live, done].map(({ root }) => root.querySelector(".fw-resume"))).toEqual([null, null]);
  });

  test("stands before Run flow, which gets the focus when the run begins", async () => {
    const { root, model } = show({}, { status: "interrupted", resumable: 3 });
    const resume = find(root, ".fw-resume");
    const words = [...find(root, ".fw-go").querySelectorAll("button")].map((press) => press.textContent);
    resume.focus();

    resume.click();
    model.message({ k: "d", ...delta(1, { set: [[["run", "status"], "running"]] }) });

    await vi.waitFor(() => expect(root.querySelector(".fw-resume")).toBeNull());
    expect([words, document.activeElement?.textContent]).toEqual([["Resume", "Run flow"], "Run flow"]);
  });

  test("after an interruption the page says why the run ended", () => {
    const text = "The process that ran this ended. What had completed is kept.";
    const { root } = show({}, { status: "interrupted", resumable: 1, stop: { cause: "interrupted", text } });

    expect(find(root, ".fw-banner p").textContent).toBe(text);
    expect(find(root, ".fw-title .fw-status").textContent).toBe("Interrupted");
  });

  test("after a spent budget takes the larger limits that are entered", async () => {
    const { root, model } = show(
      { status: "canceled" },
      {
        status: "canceled",
        resumable: 2,
        budget: { usd: null, tokens: 5000, seconds: null },
        stop: {
          cause: "budget",
          text: "Stopped: the budget of 5,000 tokens is spent. What has come is kept.",
        },
      },
    );
    const fields = [...root.querySelectorAll<HTMLInputElement>(".fw-banner input")];
    expect(fields.map((field) => field.value)).toEqual(["10000"]);
    expect(find(root, ".fw-msg.calm").textContent).toBe(
      "Stopped: the budget of 5,000 tokens is spent. 6 characters were kept.",
    );

    type(fields[0], "12,000");
    await vi.waitFor(() => expect(find(root, ".fw-resume").title).toBe("Resume with 12,000\u00a0tokens"));
    button(find(root, ".fw-banner"), "Resume").click();

    expect(sent(model)).toEqual([{ op: "resume", budget: { tokens: 12_000 }, c: 2 }]);
  });

  test("is held back while a limit is not a number, or there is none", async () => {
    const { root, model } = show(
      {},
      {
        status: "canceled",
        resumable: 2,
        budget: { usd: 0.05, tokens: null, seconds: null },
        stop: { cause: "budget", text: "Stopped: the budget is spent." },
      },
    );

    type(root.querySelector(".fw-banner input"), "much");

    await vi.waitFor(() => expect(find(root, ".fw-resume").title).toBe("A limit is not valid yet"));
    type(root.querySelector(".fw-banner input"), " ");
    await vi.waitFor(() => expect(find(root, ".fw-resume").title).toBe("Enter a larger limit first"));
    button(root, "Resume").click();
    expect(sent(model)).toEqual([]);
  });
});

describe("a budget", () => {
  const budget = { usd: 0.05, tokens: 5000, seconds: 60 };

  test("shows a meter for each limit, with a word when it is nearly spent", () => {
    const spent = { tokens: 4112, estimated: true, usd: 0.0031, unpriced: false };
    const { root } = show({}, { budget, spent, active_seconds: 12 });

    const meters = [...root.querySelectorAll<HTMLElement>("[role=meter]")];
    expect(meters.map((one) => one.getAttribute("aria-valuetext")?.replaceAll("\u00a0", " "))).toEqual([
      "12.0 s of 60 s",
      "about 4,112 of 5,000 tokens, nearly spent",
      "about $0.0031 of $0.05",
    ]);
    expect(meters[1]?.textContent).toBe("≈\u00a04,112 of 5,000\u00a0tokensnearly spent");
    expect(meters.map((one) => one.getAttribute("aria-valuenow"))).toEqual(["12", "4112", "0.0031"]);
    expect(meters.map((one) => one.dataset.s)).toEqual([undefined, "warn", undefined]);
  });

  test("says when a price is not known", () => {
    const spent = { tokens: 10, estimated: false, usd: null, unpriced: true };
    const { root } = show({}, { budget: { usd: 0.05, tokens: null, seconds: null }, spent });

    expect(find(root, ".fw-facts").textContent).toContain("price unknown · limit $0.05");
    expect(root.querySelector("[role=meter]")).toBeNull();
  });

  test("grows with what Python says, and is said when it is nearly spent", async () => {
    const { root, model } = show(
      { status: "running", ended_at: null },
      { status: "running", ended_at: null, budget: { usd: null, tokens: 5000, seconds: null } },
    );

    model.message({ k: "d", ...delta(1, { set: [[["run", "spent", "tokens"], 4500]] }) });

    await vi.waitFor(() => expect(find(root, "[role=meter] b").textContent).toBe("4,500"));
    expect(find(root, "[role=status]").textContent).toBe("Budget, Tokens: nearly spent");
  });

  test("without one shows tokens and cost as they are known", () => {
    const { root } = show({}, { tokens: 1592, cost_usd: 0.0031 });

    expect(find(root, ".fw-facts").textContent).toContain("1,592 tokens$0.0031");
    expect(root.querySelector("[role=meter]")).toBeNull();
  });

  test("is set for the next runs, and cleared", async () => {
    const { root, model } = show();
    button(root, "Budget").click();
    await vi.waitFor(() => find(root, ".fw-budget"));
    const [usd, tokens] = root.querySelectorAll(".fw-budget input");
    expect(document.activeElement).toBe(usd);

    type(usd, "0.5");
    type(tokens, "20000");
    await vi.waitFor(() => expect(button(root, "Set budget").getAttribute("aria-disabled")).not.toBe("true"));
    key(usd as HTMLElement, "Enter");

    await vi.waitFor(() => expect(root.querySelector(".fw-budget")).toBeNull());
    expect(document.activeElement?.textContent).toBe("Budget");
    const set = { usd: 0.5, tokens: 20_000, seconds: null };
    model.message({ k: "d", ...delta(1, { set: [[["budget"], set]] }) });
    await vi.waitFor(() => expect(root.textContent).toContain("Next run"));
    expect(find(root, ".fw-facts").textContent).toContain("Next run $0.50, 20,000\u00a0tokens");

    button(root, "Budget").click();
    await vi.waitFor(() => button(root, "Clear budget").click());
    await vi.waitFor(() => expect(root.querySelector(".fw-budget")).toBeNull());
    expect(sent(model)).toEqual([
      { op: "budget", usd: 0.5, tokens: 20_000, seconds: null, c: 2 },
      { op: "budget", usd: null, tokens: null, seconds: null, c: 3 },
    ]);
  });
});

describe("a budget of the flow's own", () => {
  const own = { usd: null, tokens: 5000, seconds: null };
  const flow = { ...one, budget: own };

  test("stands when nothing else is set, and is said before the first run", async () => {
    const { root } = open(view(null, { budget: own }), 1, flow);

    expect(find(root, ".fw-facts").textContent).toContain("Budget 5,000\u00a0tokens");
    button(root, "Budget").click();
    await vi.waitFor(() => find(root, ".fw-budget"));
    expect(find(root, ".fw-budget .fw-hint").textContent).toBe("As the flow says: 5,000\u00a0tokens");
    expect(root.querySelector(".fw-budget")?.textContent).not.toContain("Reset to flow");
  });

  test("is gone back to with cleared fields, or with a press", async () => {
    const other = { usd: null, tokens: 900, seconds: null };
    const { root, model } = open(view(null, { budget: other }), 1, flow);
    model.answer = (command) => queueMicrotask(() => model.ack(command));
    button(root, "Budget").click();
    await vi.waitFor(() => find(root, ".fw-budget"));
    expect(find(root, ".fw-budget .fw-hint").textContent).toBe("A run stops when one is spent");

    type(root.querySelectorAll(".fw-budget input")[1], "");
    await vi.waitFor(() =>
      expect(find(root, ".fw-budget .fw-hint").textContent).toContain("As the flow says"),
    );
    button(root, "Set budget").click();
    await vi.waitFor(() => expect(root.querySelector(".fw-budget")).toBeNull());
    button(root, "Budget").click();
    await vi.waitFor(() => button(root, "Reset to flow").click());
    await vi.waitFor(() => expect(root.querySelector(".fw-budget")).toBeNull());
    const none = { op: "budget", usd: null, tokens: null, seconds: null };
    expect(sent(model)).toEqual([
      { ...none, c: 2 },
      { ...none, c: 3 },
    ]);
  });
});

describe("where an output comes from", () => {
  test.each([
    [{ origin: "ran" }, ""],
    [{ origin: "cache" }, "from cache"],
    [{ origin: "kept" }, "kept"],
    [{ origin: "edit" }, "edited by hand"],
    [{ origin: "pin", pinned: true }, "pinned"],
    [{ origin: "edit", pinned: true }, "edited by handpinned"],
  ] as const)("%j reads %j", (part, words) => {
    const { root } = show(part);

    const said = [...root.querySelectorAll(".fw-action-meta > .n")].map((one) => one.textContent).join("");
    expect(said).toBe(words);
  });

  test("a press pins it, another lets it go", async () => {
    const free = show();
    const pinned = show({ pinned: true });

    button(free.root, "Pin output of Summary").click();
    button(pinned.root, "Pin output of Summary").click();

    expect([free.model, pinned.model].map((model) => sent(model)[0])).toEqual([
      { op: "pin", step: 0, action: 0, pinned: true, c: 2 },
      { op: "pin", step: 0, action: 0, pinned: false, c: 2 },
    ]);
    expect(button(pinned.root, "Pin output of Summary").getAttribute("aria-pressed")).toBe("true");
  });

  test("outputs of earlier runs are counted, and can be made anew", () => {
    const { root, model } = show({ origin: "cache" }, { cached: 3 }, { cache: true });
    expect(find(root, ".fw-facts").textContent).toContain("3 from cache");

    button(root, "Run without cache").click();

    expect(sent(model)).toEqual([{ op: "run_flow", inputs: null, force: true, c: 2 }]);
  });

  test("without a cache there is nothing to run without", () => {
    const { root } = show({}, { cached: 3 }, { cache: false });

    expect(root.textContent).not.toContain("Run without cache");
  });
});

describe("an output written by hand", () => {
  async function edit(part: Partial<ActionView> = {}) {
    const page = show(part);
    button(page.root, "Edit output Summary").click();
    await vi.waitFor(() => find(page.root, ".fw-form"));
    return { ...page, area: find(page.root, ".fw-form textarea") };
  }

  test("is saved with Ctrl+Enter, and the focus goes back", async () => {
    const { root, model, area } = await edit({ status: "failed", error: rate });
    type(area, "Better.");
    await Promise.resolve();

    key(area, "Enter", true);

    await vi.waitFor(() => expect(root.querySelector(".fw-form")).toBeNull());
    expect(sent(model)).toEqual([{ op: "edit_output", step: 0, action: 0, text: "Better.", c: 2 }]);
    expect(document.activeElement?.className).toContain("fw-edit-output");
  });

  test("is kept as a draft by Esc", async () => {
    const { root, area } = await edit();
    type(area, "Better.");

    key(area, "Escape");
    await vi.waitFor(() => expect(root.querySelector(".fw-form")).toBeNull());
    expect(find(root, ".fw-action-meta").textContent).toContain("draft");
    button(root, "Edit output Summary").click();

    await vi.waitFor(() =>
      expect((find(root, ".fw-form textarea") as HTMLTextAreaElement).value).toBe("Better."),
    );
  });

  test("must be JSON where the action has a schema", async () => {
    const def = actionDef("Facts", { has_schema: true });
    const run = runView([stepView([actionView({ text: "{}", is_json: true })])]);
    const { root, model } = open(view(run), 1, flowView([["Read", [def]]]));
    button(root, "Edit output Facts").click();
    await vi.waitFor(() => find(root, ".fw-form"));

    type(find(root, ".fw-form textarea"), "{oops");

    await vi.waitFor(() => expect(find(root, ".fw-problem").textContent).toContain("Not valid JSON"));
    button(root, "Save output of Facts").click();
    expect(sent(model)).toEqual([]);
  });

  test.each(["pending", "skipped", "running"] as const)("cannot be while the action is %s", (status) => {
    const { root } = show({ status, text: "" });

    expect([root.querySelector(".fw-edit-output"), root.querySelector(".fw-pin")]).toEqual([null, null]);
  });
});

test("notices stand below the header, with their details in a fold", async () => {
  const notices: View["notices"] = [
    {
      kind: "changed",
      text: "Since run 3: 2 changes. 5 of 7 outputs are up to date.",
      details: ["1, 0 Root cause: prompt changed", "2, 0 Summary: model changed"],
    },
    { kind: "store", text: "The runs can't be stored.", details: [] },
  ];
  const { root } = show({}, {}, { notices });
  const [changed, store] = root.querySelectorAll<HTMLElement>(".fw-banner");
  expect([changed?.className, store?.className.trim()]).toEqual(["fw-banner calm", "fw-banner"]);
  expect([changed?.querySelector("strong")?.textContent, store?.textContent]).toEqual([
    "Since run 3: 2 changes.",
    "The runs can't be stored.",
  ]);

  button(root, "Details").click();

  await vi.waitFor(() =>
    expect([...root.querySelectorAll(".fw-details li")].map((line) => line.textContent)).toEqual(
      notices[0]?.details,
    ),
  );
});

test("a stale output names what changed, and the header how many there are", () => {
  const { root } = show({ stale: "inputs changed" }, { stale: 3 });

  expect(find(root, ".fw-msg.warn p").textContent).toBe("Stale: inputs changed · Run stale (3)");
  expect(find(root, ".fw-run-stale").textContent).toBe("Run stale (3)");
});

test("runs of other days are in the picker with their day", () => {
  const day = 86_400;
  const line = (number: number, started_at: number, status: View["runs"][0]["status"]) => ({
    id: `r${number}`,
    number,
    status,
    started_at,
    ended_at: started_at + 1,
  });
  const runs = [
    line(1, NOW - 400 * day, "failed"),
    line(2, NOW - 3 * day, "interrupted"),
    line(3, NOW, "completed"),
  ];
  const { root } = show({}, {}, { runs });

  const words = [...root.querySelectorAll("select[aria-label=Run] option")].map((one) => one.textContent);
  expect(words[0]).toMatch(/^Run 3 · \d\d:\d\d$/);
  expect(words[1]).toMatch(/^Run 2 · \d+ Nov · interrupted$/);
  expect(words[2]).toMatch(/^Run 1 · \d+ Oct 2024 · failed$/);
});

test("with the kernel gone nothing of this can be pressed", async () => {
  const { root, model } = show({ pinned: true }, { status: "interrupted", resumable: 2, stale: 1 });
  model.gone = true;
  button(root, "Run flow").click();

  await vi.waitFor(() => expect(find(root, ".fw-title .fw-status").textContent).toBe("Disconnected"));
  const locked = [".fw-resume", ".fw-run-stale", ".fw-pin", ".fw-edit-output", ".fw-edit"];
  expect(locked.map((one) => find(root, one).title)).toEqual(locked.map(() => "Kernel restarted"));
});

test("the forms are asked for when the first is opened; until they come the text stays", async () => {
  toolsPart.value = null;
  const { root, model } = show();

  button(root, "Edit output Summary").click();

  await vi.waitFor(() => expect(model.sent.at(-1)).toMatchObject({ op: "asset", name: "flow_tools" }));
  expect(find(root, ".fw-output").textContent).toBe("Short.");
  toolsPart.value = tools;
  await vi.waitFor(() =>
    expect((find(root, ".fw-form textarea") as HTMLTextAreaElement).value).toBe("Short."),
  );
});
