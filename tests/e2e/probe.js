// Runs in every page before JupyterLab: reaches the open notebook, counts the kernel's traffic
// and measures how smoothly the page draws. rig.py calls it.
(() => {
  const traffic = { received: 0, received_bytes: 0, sent: 0, sent_bytes: 0, sockets: 0 };
  const size = (data) => (typeof data === "string" ? data.length : (data?.byteLength ?? data?.size ?? 0));

  // Counting in the page costs far less than a call to the test for each message.
  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      if (!String(args[0]).includes("/channels")) return;
      this.counted = true;
      traffic.sockets += 1;
      this.addEventListener("message", ({ data }) => {
        traffic.received += 1;
        traffic.received_bytes += size(data);
      });
    }
    send(data) {
      if (this.counted) {
        traffic.sent += 1;
        traffic.sent_bytes += size(data);
      }
      super.send(data);
    }
  };

  const longTasks = [];
  new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((e) => e.duration))).observe({
    entryTypes: ["longtask"],
  });
  let gaps = null;

  function framesStart() {
    const mine = [];
    let last = performance.now();
    const frame = () => {
      if (gaps !== mine) return;
      const now = performance.now();
      mine.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    longTasks.length = 0;
    gaps = mine;
    requestAnimationFrame(frame);
  }

  function framesStop() {
    const sorted = (gaps ?? []).slice(1).sort((a, b) => a - b);
    const total = sorted.reduce((sum, gap) => sum + gap, 0);
    const quantile = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
    gaps = null;
    return {
      fps: total ? (1000 * sorted.length) / total : 0,
      gap_p50: quantile(0.5),
      gap_p95: quantile(0.95),
      gap_max: quantile(1),
      long_tasks: longTasks.length,
      long_task_ms: longTasks.reduce((sum, duration) => sum + duration, 0),
    };
  }

  function notebook() {
    const panels = [...(window.jupyterapp?.shell?.widgets("main") ?? [])];
    return panels.find((panel) => panel.sessionContext && panel.content?.widgets) ?? null;
  }

  function isReady() {
    const panel = notebook();
    const kernel = panel?.sessionContext.session?.kernel;
    // After a reload the kernel may be busy with a cell that was started before.
    const answers = kernel?.connectionStatus === "connected" && kernel.status !== "unknown";
    return Boolean(panel?.content.model?.cells.length && answers);
  }

  let running = 0;

  function execute(command) {
    running += 1;
    window.jupyterapp.commands
      .execute(command)
      .catch((error) => console.error(`${command}: ${error}`))
      .finally(() => {
        running -= 1;
      });
  }

  function isIdle() {
    const prompts = [...document.querySelectorAll(".jp-Notebook .jp-InputPrompt")];
    return running === 0 && !prompts.some((prompt) => prompt.textContent.includes("*"));
  }

  window.flowRig = { execute, framesStart, framesStop, isIdle, isReady, notebook, traffic: () => traffic };
})();
