// The forms of the widget: fetched from Python when the first is opened, so that the widget stays small.
export { Editor } from "./ui/editor";
export { BudgetRow, LargerLimits } from "./ui/limits";
export { OutputEditor } from "./ui/output-editor";
