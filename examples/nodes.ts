/** Every function that the examples' `module` nodes name: `cairn serve --nodes examples/nodes.ts`. */
export { addUp, countWords, listTexts } from "./word-count/nodes.ts";
