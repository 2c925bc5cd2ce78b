// The Markdown module: fetched from Python when the first Markdown is shown, so that the widget stays small.
export { markdown } from "./model/markdown";
