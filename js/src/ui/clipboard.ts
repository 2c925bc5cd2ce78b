// Copies text, also where the clipboard API is not there: a notebook over plain http.

export async function copyText(text: string, near: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, near);
  }
}

function copyBySelection(text: string, near: HTMLElement): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "vh";
  area.dataset.lmSuppressShortcuts = "true";
  (near.closest(".fw") ?? document.body).append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  near.focus();
  return copied;
}
