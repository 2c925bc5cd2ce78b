// The part that draws graphs: fetched from Python when the first is shown, so that the widget stays small.
export { default as css } from "./styles/canvas.css";
export { Canvas } from "./ui/graph-canvas";
