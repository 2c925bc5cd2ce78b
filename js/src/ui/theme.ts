// Knows whether the page is dark: JupyterLab says so; elsewhere the background does.

/** Keeps `data-dark` on the root up to date until `signal` aborts. */
export function followTheme(root: HTMLElement, signal: AbortSignal): void {
  const apply = () => root.toggleAttribute("data-dark", isDark(root));
  apply();
  requestAnimationFrame(apply);
  const watch = new MutationObserver(apply);
  for (const element of [document.body, document.documentElement]) {
    watch.observe(element, {
      attributes: true,
      attributeFilter: ["data-jp-theme-light", "data-theme", "class", "style"],
    });
  }
  const scheme = window.matchMedia?.("(prefers-color-scheme: dark)");
  scheme?.addEventListener("change", apply, { signal });
  signal.addEventListener("abort", () => watch.disconnect());
}

export function isDark(root: HTMLElement): boolean {
  const light = document.body.dataset.jpThemeLight;
  if (light !== undefined) return light === "false";
  const [r, g, b] = (getComputedStyle(root).backgroundColor.match(/[\d.]+/g) ?? []).map(Number);
  if (r === undefined || g === undefined || b === undefined) return false;
  const scale = Math.max(r, g, b) <= 1 ? 255 : 1;
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) * scale < 128;
}
