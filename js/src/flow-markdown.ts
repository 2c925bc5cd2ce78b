// The Markdown part: fetched from Python when the first Markdown is shown, so that the widget stays small.
export { markdown } from "./model/markdown";
export { MarkdownView } from "./ui/markdown-view";
